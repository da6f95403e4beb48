"""Statements: bounded whatever caused them, and refused when they name another package, signer or competence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.exchange.packages import NOW, PACKAGE_ID, SEND_ID, new_envelope, sealed_package

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import Actor, EvidenceKind, Reason, StageTime, Statement
from xietong_exchange.domain.errors import EvidenceInvalid, StorageFull
from xietong_exchange.domain.evidence import (
    MAX_REASONS,
    Event,
    check_statement,
    make_statement,
    read_statement,
    reason_of,
    stage,
    timestamp,
)

EVIDENCE_ID = SEND_ID
PACKAGE = sealed_package(new_envelope())
LARGEST_STATEMENT_BYTES = 65_536  # the contract's bound on `Evidence.statement`
LARGEST_REASON = Reason(code="码" * 64, path="径" * 400, part=9999, text_zh="文" * 2000, text_en="字" * 2000)

REASONS = st.builds(
    Reason,
    code=st.sampled_from(["XT-FLD-01", "码" * 64]),
    path=st.sampled_from(["", "persons[0].name", "径" * 400]),
    part=st.integers(0, 9999),
    text_zh=st.sampled_from(["", "缺少", "文" * 2000]),
    text_en=st.sampled_from(["", "missing", "字" * 2000]),
)
BROKEN_TIME = Timestamp(nanos=-1)
Change = Callable[[Statement], object]


def statement_of(kind: EvidenceKind.ValueType, stated_by: Party.ValueType, **more: object) -> Statement:
    event = Event(kind=kind, time=NOW, **more)  # type: ignore[arg-type] # the tests name the event's own fields
    return make_statement(PACKAGE, event, evidence_id=EVIDENCE_ID, stated_by=stated_by)


def delivered() -> Statement:
    return statement_of(EvidenceKind.EVIDENCE_KIND_DELIVERED, Party.PARTY_PROCURATORATE)


@given(st.lists(REASONS, max_size=20), st.integers(1, 60))
def test_a_statement_fits_whatever_the_reasons_are(some: list[Reason], times: int) -> None:
    reasons = some * times
    statement = statement_of(
        EvidenceKind.EVIDENCE_KIND_RETURNED,
        Party.PARTY_PROCURATORATE,
        reasons=reasons,
        actor=Actor(organ_code="码" * 40, handler_ref="号" * 60),
        system="系" * 60,
        receiver_case_number="案" * 100,
        stages=[stage("段" * 40, NOW, NOW)] * 100,
    )
    raw = statement.SerializeToString()
    assert len(raw) <= LARGEST_STATEMENT_BYTES
    assert read_statement(raw) == statement
    assert statement.reason_count == len(reasons)
    assert list(statement.reasons) == reasons[: len(statement.reasons)]


def test_reasons_are_cut_by_number_and_by_size_but_never_all() -> None:
    small = [Reason(code="X")] * (MAX_REASONS + 1)
    large = [LARGEST_REASON] * 5
    kind, party = EvidenceKind.EVIDENCE_KIND_RETURNED, Party.PARTY_PROCURATORATE
    assert len(statement_of(kind, party, reasons=small).reasons) == MAX_REASONS
    assert 1 <= len(statement_of(kind, party, reasons=large).reasons) < len(large)


UNREADABLE: list[tuple[str, Change]] = [
    ("evidence_id", lambda s: s.ClearField("evidence_id")),
    ("package_id", lambda s: setattr(s, "package_id", "1")),
    ("seal", lambda s: s.ClearField("seal")),
    ("kind", lambda s: s.ClearField("kind")),
    ("kind", lambda s: setattr(s, "kind", 99)),
    ("stated_by", lambda s: s.ClearField("stated_by")),
    ("event_time", lambda s: s.ClearField("event_time")),
    ("time", lambda s: setattr(s.event_time, "seconds", 2**62)),
    (
        "time",
        lambda s: s.stages.append(StageTime(stage="queue", start_time=timestamp(NOW), end_time=BROKEN_TIME)),
    ),
    ("stages[0].start_time", lambda s: s.stages.add(stage="queue")),
    ("reasons[0].code", lambda s: s.reasons.add(text_en="why")),
    ("actor.handler_ref", lambda s: s.actor.CopyFrom(Actor(organ_code="1"))),
]


@pytest.mark.parametrize(("named", "change"), UNREADABLE)
def test_a_statement_that_breaks_the_contract_is_refused(named: str, change: Change) -> None:
    statement = delivered()
    read_statement(statement.SerializeToString())
    change(statement)
    with pytest.raises(EvidenceInvalid) as refused:
        read_statement(statement.SerializeToString())
    assert named in refused.value.facts["why"]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_statement_or_refused(raw: bytes) -> None:
    try:
        statement = read_statement(raw)
    except EvidenceInvalid:
        return
    assert statement.evidence_id


def test_a_statement_of_its_package_by_its_signer_holds() -> None:
    check_statement(delivered(), PACKAGE, Party.PARTY_PROCURATORATE)


def test_a_statement_over_another_seal_is_refused() -> None:
    other = sealed_package(new_envelope(b"other content"))
    assert other.package_id == PACKAGE_ID
    with pytest.raises(EvidenceInvalid, match="another seal"):
        check_statement(delivered(), other, Party.PARTY_PROCURATORATE)


@pytest.mark.parametrize("signer", [Party.PARTY_POLICE, Party.PARTY_HUB, Party.PARTY_COURT])
def test_a_statement_that_somebody_else_signed_is_refused(signer: Party.ValueType) -> None:
    with pytest.raises(EvidenceInvalid, match="not signed by the party"):
        check_statement(delivered(), PACKAGE, signer)


@pytest.mark.parametrize(
    ("kind", "stated_by"),
    [
        (EvidenceKind.EVIDENCE_KIND_DELIVERED, Party.PARTY_HUB),
        (EvidenceKind.EVIDENCE_KIND_ACCEPTED, Party.PARTY_POLICE),
        (EvidenceKind.EVIDENCE_KIND_RELAYED, Party.PARTY_PROCURATORATE),
        (EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED, Party.PARTY_PROCURATORATE),
        (EvidenceKind.EVIDENCE_KIND_FAILED, Party.PARTY_COURT),
    ],
)
def test_a_statement_beyond_the_partys_competence_is_refused(
    kind: EvidenceKind.ValueType, stated_by: Party.ValueType
) -> None:
    with pytest.raises(EvidenceInvalid, match=f"may not state {EvidenceKind.Name(kind)}"):
        check_statement(statement_of(kind, stated_by), PACKAGE, stated_by)


def test_the_reason_of_an_error_carries_both_languages() -> None:
    reason = reason_of(StorageFull(free=7))
    assert reason.code == "STORAGE_FULL"
    assert "7 bytes" in reason.text_en
    assert "7 字节" in reason.text_zh


def test_a_stage_never_ends_before_it_began() -> None:
    later = NOW.replace(minute=NOW.minute + 1)
    closed = stage("commit", later, NOW)
    assert closed.end_time == closed.start_time
    assert stage("commit", NOW, later).end_time.seconds - stage("commit", NOW, later).start_time.seconds == 60
