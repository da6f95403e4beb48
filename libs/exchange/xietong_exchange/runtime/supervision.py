"""What watches over a node, put together: the watch, the incident desk, the directory, and who is notified."""

from __future__ import annotations

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.directory_service_pb2 import ContactLevel
from xietong_exchange.adapters.rpc.status import from_status
from xietong_exchange.adapters.webhook import Webhook
from xietong_exchange.domain.party import party_by_name
from xietong_exchange.flow.contacts import ContactRecord
from xietong_exchange.runtime.engine import Engine
from xietong_exchange.runtime.settings import ContactSettings, NotificationSettings
from xietong_exchange.supervision.deadline_notices import DeadlineNews
from xietong_exchange.supervision.deadline_watch import DeadlineWatch
from xietong_exchange.supervision.directory import Directory
from xietong_exchange.supervision.incident_desk import IncidentDesk
from xietong_exchange.supervision.incident_notices import IncidentNews
from xietong_exchange.supervision.notices import News, Notifier
from xietong_exchange.supervision.problem_post import ProblemPost
from xietong_exchange.supervision.statutory import ClockDesk
from xietong_exchange.supervision.watch import Watch


def directory(engine: Engine) -> Directory:
    """Whom to call."""
    return Directory(exchange=engine.exchange, configured=[_contact(one) for one in engine.settings.contacts])


def incident_desk(engine: Engine) -> IncidentDesk:
    """What operators see and do about incidents."""
    return IncidentDesk(exchange=engine.exchange, lookout=engine.lookout, directory=directory(engine))


def watch(engine: Engine) -> Watch:
    """What opens and closes incidents."""
    return Watch(
        exchange=engine.exchange,
        neighbours=engine.neighbours,
        lookout=engine.lookout,
        maintenance=engine.maintenance,
        round_seconds=engine.settings.supervision.round_seconds,
        start_time=engine.exchange.clock(),
    )


def deadline_watch(engine: Engine) -> DeadlineWatch:
    """What keeps the deadlines of all cases, at the hub."""
    return DeadlineWatch(
        exchange=engine.exchange,
        desk=ClockDesk(engine.exchange),
        round_seconds=engine.settings.supervision.round_seconds,
    )


def notifier(engine: Engine) -> Notifier | None:
    """What tells another system of incidents and, at the hub, of deadlines; None when no endpoint is configured."""
    wanted = engine.settings.notification
    endpoint = webhook(wanted)
    if endpoint is None:
        return None
    news: list[News] = [IncidentNews(engine.exchange, incident_desk(engine))]
    if wanted.deadlines and engine.exchange.profile.relays:
        news.append(DeadlineNews(engine.exchange))
    return Notifier(
        exchange=engine.exchange,
        news=news,
        endpoint=endpoint,
        per_minute=wanted.per_minute,
    )


def problem_post(engine: Engine) -> ProblemPost:
    """What brings notes on problems to the neighbours."""
    return ProblemPost(exchange=engine.exchange, neighbours=engine.neighbours, error_of=from_status)


def webhook(wanted: NotificationSettings) -> Webhook | None:
    """The endpoint of the settings."""
    if wanted.url is None:
        return None
    return Webhook(
        url=wanted.url,
        secret_file=wanted.secret_file,
        ca=wanted.ca,
        certificate=wanted.certificate,
        key=wanted.key,
    )


def _contact(entry: ContactSettings) -> ContactRecord:
    levels = {"operations": ContactLevel.CONTACT_LEVEL_OPERATIONS, "lead": ContactLevel.CONTACT_LEVEL_LEAD}
    return ContactRecord(
        party=party_by_name(entry.party) or Party.PARTY_UNSPECIFIED,
        system=entry.system,
        vendor=entry.vendor,
        level=levels[entry.level],
        reach=entry.reach,
        duty_hours=entry.duty_hours,
    )
