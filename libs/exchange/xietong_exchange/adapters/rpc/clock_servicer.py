"""`ClockService`: the statutory clocks of cases, at the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc

from xietong.supervision.v1 import clock_service_pb2 as pb
from xietong.supervision.v1.clock_service_pb2_grpc import ClockServiceServicer
from xietong_exchange.adapters.rpc.paging import decode_place, decode_token, encode_place, fit, page_size
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.supervision.deadline_desk import DeadlineDesk, DeadlinePage
from xietong_exchange.supervision.statutory import ClockDesk

DEFAULT_GROUPS = 20
_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class ClockServicer(ClockServiceServicer):
    """The rpcs of `ClockService`."""

    desk: ClockDesk
    deadlines: DeadlineDesk

    async def GetCaseClocks(
        self, request: pb.GetCaseClocksRequest, context: _Context
    ) -> pb.GetCaseClocksResponse:
        """The clocks of a case."""
        limit, after = (
            request.page_size or DEFAULT_GROUPS,
            decode_token("GetCaseClocks", request.page_token) or 0,
        )
        found = await self.desk.of_case(
            request.collaboration_case_id, frozenset(request.phases), after=after, limit=limit
        )
        places = range(after + 1, after + 1 + len(found.persons))
        persons, token = (
            fit("GetCaseClocks", found.persons, places, more=found.more) if found.persons else ([], "")
        )
        return pb.GetCaseClocksResponse(
            standard_edition=found.edition.id,
            evaluation_time=timestamp(found.time),
            case_clocks=found.of_case,
            persons=persons,
            package_count=found.package_count,
            is_cut=found.is_cut,
            related_case_ids=found.related,
            next_page_token=token,
            moved_persons=found.moved,
        )

    async def ListDeadlines(
        self, request: pb.ListDeadlinesRequest, context: _Context
    ) -> pb.ListDeadlinesResponse:
        """The deadlines of all cases."""
        within = request.within_days if request.HasField("within_days") else None
        passed = request.passed_days if request.HasField("passed_days") else None
        after, limit = decode_place("ListDeadlines", request.page_token), page_size(request.page_size)
        page = await self.deadlines.page(
            request.party, request.phases, within_days=within, passed_days=passed, after=after, limit=limit
        )
        return _listed(page)


def _listed(page: DeadlinePage) -> pb.ListDeadlinesResponse:
    answer = pb.ListDeadlinesResponse(evaluation_time=timestamp(page.time), is_filling=page.is_filling)
    if page.deadlines:
        kept, token = fit("ListDeadlines", page.deadlines, range(len(page.places)), more=page.more)
        answer.deadlines.extend(kept)
        answer.next_page_token = token and encode_place("ListDeadlines", page.places[len(kept) - 1])
    return answer
