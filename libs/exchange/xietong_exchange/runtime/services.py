"""Which gRPC services a node offers: transfer, operations and flows everywhere, then the hub's or a branch's."""

from __future__ import annotations

from functools import partial

from xietong.exchange.v1.gateway_service_pb2_grpc import add_GatewayServiceServicer_to_server
from xietong.exchange.v1.operations_service_pb2_grpc import add_OperationsServiceServicer_to_server
from xietong.exchange.v1.transfer_service_pb2_grpc import add_TransferServiceServicer_to_server
from xietong.supervision.v1.clock_service_pb2_grpc import add_ClockServiceServicer_to_server
from xietong.supervision.v1.directory_service_pb2_grpc import add_DirectoryServiceServicer_to_server
from xietong.supervision.v1.flow_service_pb2_grpc import add_FlowServiceServicer_to_server
from xietong.supervision.v1.incident_service_pb2_grpc import add_IncidentServiceServicer_to_server
from xietong.supervision.v1.maintenance_service_pb2_grpc import add_MaintenanceServiceServicer_to_server
from xietong.supervision.v1.problem_service_pb2_grpc import add_ProblemServiceServicer_to_server
from xietong.supervision.v1.standard_service_pb2_grpc import add_StandardServiceServicer_to_server
from xietong_exchange.adapters.rpc.clock_servicer import ClockServicer
from xietong_exchange.adapters.rpc.directory_servicer import DirectoryServicer
from xietong_exchange.adapters.rpc.gateway_servicer import GatewayServicer
from xietong_exchange.adapters.rpc.incident_servicer import IncidentServicer
from xietong_exchange.adapters.rpc.maintenance_servicer import MaintenanceServicer
from xietong_exchange.adapters.rpc.operations_servicer import OperationsServicer
from xietong_exchange.adapters.rpc.problem_servicer import ProblemServicer
from xietong_exchange.adapters.rpc.server import Registration
from xietong_exchange.adapters.rpc.standard_servicer import StandardServicer
from xietong_exchange.adapters.rpc.supervision_servicers import FlowServicer
from xietong_exchange.adapters.rpc.transfer_servicer import TransferServicer
from xietong_exchange.flow.chain_test import ChainTest
from xietong_exchange.flow.drafts import DraftDesk
from xietong_exchange.flow.handover import Handover
from xietong_exchange.flow.intake import Intake
from xietong_exchange.flow.node_card import NodeCard
from xietong_exchange.flow.operations import Operations
from xietong_exchange.flow.outlook import Outlook
from xietong_exchange.flow.preflight import Preflight
from xietong_exchange.flow.rehearsal import Rehearsal
from xietong_exchange.flow.upload import Upload
from xietong_exchange.flow.views import Views
from xietong_exchange.flow.watching import Watching
from xietong_exchange.flow.withdrawal import Withdrawal
from xietong_exchange.runtime.diagnosing import diagnostics
from xietong_exchange.runtime.engine import Engine
from xietong_exchange.runtime.supervision import directory, incident_desk
from xietong_exchange.supervision.deadline_desk import DeadlineDesk
from xietong_exchange.supervision.problem_desk import ProblemDesk
from xietong_exchange.supervision.standard_desk import StandardDesk
from xietong_exchange.supervision.statistics import FlowStatistics
from xietong_exchange.supervision.statutory import ClockDesk


def services(engine: Engine) -> list[Registration]:
    """Everything that the node's server answers."""
    exchange = engine.exchange
    views, card = Views(exchange), NodeCard(exchange, engine.neighbours, engine.maintenance)
    operations = Operations(
        exchange=exchange,
        neighbours=engine.neighbours,
        trust_anchor=engine.notary.trust_anchor,
        certificate_expire_time=engine.tls.expire_time,
        start_time=exchange.clock(),
    )
    problems = ProblemDesk(exchange)
    transfer = TransferServicer(card, engine.receiver, engine.desk, problems)
    flows = FlowServicer(operations, views, FlowStatistics(exchange.store))
    everywhere: list[Registration] = [
        partial(add_TransferServiceServicer_to_server, transfer),
        partial(
            add_OperationsServiceServicer_to_server,
            OperationsServicer(
                operations,
                views,
                Rehearsal(exchange),
                Withdrawal(exchange, engine.desk),
                ChainTest(exchange, engine.desk),
                diagnostics(engine, operations),
            ),
        ),
        partial(add_FlowServiceServicer_to_server, flows),
        partial(add_ProblemServiceServicer_to_server, ProblemServicer(problems)),
        *_of_supervision(engine),
    ]
    if exchange.profile.relays:
        standard = StandardServicer(StandardDesk(exchange))
        clocks = ClockServicer(ClockDesk(exchange), DeadlineDesk(exchange))
        return [
            *everywhere,
            partial(add_StandardServiceServicer_to_server, standard),
            partial(add_ClockServiceServicer_to_server, clocks),
        ]
    return [*everywhere, _of_a_branch(engine, card, views)]


def _of_supervision(engine: Engine) -> list[Registration]:
    return [
        partial(add_DirectoryServiceServicer_to_server, DirectoryServicer(directory(engine))),
        partial(add_MaintenanceServiceServicer_to_server, MaintenanceServicer(engine.maintenance)),
        partial(add_IncidentServiceServicer_to_server, IncidentServicer(incident_desk(engine))),
    ]


def _of_a_branch(engine: Engine, card: NodeCard, views: Views) -> Registration:
    exchange, desk = engine.exchange, engine.desk
    gateway = GatewayServicer(
        card,
        DraftDesk(exchange),
        Upload(exchange),
        Intake(exchange, desk, Preflight(exchange, engine.neighbours)),
        Withdrawal(exchange, desk),
        Outlook(exchange, engine.neighbours, engine.lookout.passages),
        Handover(exchange, desk),
        Watching(exchange, views),
        views,
    )
    return partial(add_GatewayServiceServicer_to_server, gateway)
