"""The waterfall: stages of every node on one scale, and clocks that contradict each other draw no nonsense."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rich.cells import cell_len
from tests.unit.client.commands import Xietong, incoming
from tests.unit.client.fake_node import FakeNode

from xietong.exchange.v1.envelope_pb2 import Address, Envelope, Party, SignedEnvelope
from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind, StageTime, Statement
from xietong.exchange.v1.package_pb2 import Package
from xietong_client import Language, waterfall_of
from xietong_client.cli.tracing import COLUMNS, drawn, duration, skew_notes

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
POLICE, HUB, COURT = Party.PARTY_POLICE, Party.PARTY_HUB, Party.PARTY_COURT


def statement(
    kind: str, party: Party.ValueType, at: float, stages: dict[str, tuple[float, float]] | None = None
) -> Statement:
    """What a node says; all times are seconds since the start, by its own clock."""
    made = Statement(kind=EvidenceKind.Value(f"EVIDENCE_KIND_{kind}"), stated_by=party)
    made.event_time.FromDatetime(START + timedelta(seconds=at))
    for name, (begin, end) in (stages or {}).items():
        stage = StageTime(stage=name)
        stage.start_time.FromDatetime(START + timedelta(seconds=begin))
        stage.end_time.FromDatetime(START + timedelta(seconds=end))
        made.stages.append(stage)
    return made


def package(*statements: Statement) -> Package:
    envelope = Envelope(sender=Address(party=POLICE), receiver=Address(party=COURT))
    envelope.create_time.FromDatetime(START)
    made = Package(envelope=SignedEnvelope(envelope=envelope.SerializeToString()))
    made.evidence.extend(Evidence(statement=each.SerializeToString()) for each in statements)
    return made


def way(hub_late: float = 0.0, court_late: float = 0.0) -> list[Statement]:
    """A whole way; the clocks of hub and court are behind by so many seconds."""
    h, c = hub_late, court_late
    return [
        statement("SUBMITTED", POLICE, 1, {"intake": (0, 1)}),
        statement(
            "RELAYED", HUB, 6 - h, {"queue": (1, 2 - h), "transfer": (2 - h, 5 - h), "commit": (5 - h, 6 - h)}
        ),
        statement(
            "DELIVERED",
            COURT,
            9 - c,
            {"queue": (6 - h, 7 - c), "transfer": (7 - c, 8 - c), "commit": (8 - c, 9 - c)},
        ),
        statement("RETRIEVED", COURT, 20 - c, {"handover": (9 - c, 20 - c)}),
        statement("PARSED", COURT, 21 - c),
        statement("ACCEPTED", COURT, 90000 - c, {"outcome": (9 - c, 90000 - c)}),
    ]


def seconds(made: Package) -> list[tuple[str, float, float]]:
    waterfall = waterfall_of(made)
    return [
        (bar.stage, (bar.start - waterfall.start).total_seconds(), bar.duration.total_seconds())
        for bar in waterfall.bars
    ]


def test_the_stages_of_all_nodes_stand_on_one_scale() -> None:
    assert seconds(package(*way())) == [
        ("intake", 0, 1),
        ("queue", 1, 1),
        ("transfer", 2, 3),
        ("commit", 5, 1),
        ("queue", 6, 1),
        ("transfer", 7, 1),
        ("commit", 8, 1),
        ("handover", 9, 11),
        ("", 21, 0),
        ("outcome", 9, 89991),
    ]


def test_the_order_in_which_evidence_came_back_does_not_matter() -> None:
    assert seconds(package(*reversed(way()))) == seconds(package(*way()))


def test_what_only_the_sender_knows_is_drawn_from_the_envelope_at_the_hub() -> None:
    at_hub = waterfall_of(package(*way()[1:]))
    assert [bar.stage for bar in at_hub.bars[:2]] == ["sealed", "queue"]
    assert at_hub.start == START


def test_a_node_whose_clock_is_behind_is_moved_and_that_is_said() -> None:
    waterfall = waterfall_of(package(*way(hub_late=3600)))
    assert waterfall.behind == {HUB: timedelta(seconds=3599)}  # the least that lets it follow the submit
    assert all(bar.duration >= timedelta(0) and bar.start >= waterfall.start for bar in waterfall.bars)
    assert "中心平台的时钟至少慢 59 分 59 秒" in next(skew_notes(waterfall)).zh


def test_a_clock_that_is_ahead_makes_those_behind_it_follow() -> None:
    waterfall = waterfall_of(package(*way(hub_late=-7200)))
    assert waterfall.behind == {COURT: timedelta(seconds=7197)}
    assert all(bar.duration >= timedelta(0) for bar in waterfall.bars)


def test_a_stage_that_ends_before_it_begins_has_no_length_and_is_marked() -> None:
    turned = statement("RELAYED", HUB, 9, {"transfer": (8, 3)})
    [_, bar] = waterfall_of(package(turned)).bars
    assert (bar.duration, bar.clamped) == (timedelta(0), True)


def test_every_line_fits_80_columns_in_both_languages() -> None:
    late = waterfall_of(package(*way(hub_late=3600)))
    for language in Language:
        lines = list(drawn(late, language))
        assert len([line for line in lines if "█" in line or "▒" in line or "◆" in line]) == 10
        assert max(cell_len(line) for line in lines) <= COLUMNS


def test_a_bar_begins_and_ends_where_it_belongs() -> None:
    way_lines = list(drawn(waterfall_of(package(*way())), Language.EN))[2:9]
    begins = [line.index("█") for line in way_lines]
    assert begins == sorted(begins)
    assert len(set(begins)) == 7


def test_durations_are_told_in_two_units() -> None:
    told = [duration(timedelta(seconds=value)).en for value in (0.0004, 0.25, 3.25, 245, 7980, 266400)]
    assert told == ["0 ms", "250 ms", "3.2 s", "4 min 5 s", "2 h 13 min", "3 d 2 h"]


async def test_the_command_draws_and_prints_json(xietong: Xietong, fake: FakeNode) -> None:
    package_id = incoming(fake)
    fake.held[package_id].package.evidence.add(
        statement=statement("RELAYED", HUB, 3, {"transfer": (1, 3)}).SerializeToString()
    )
    shown = await xietong("trace", package_id, "--lang", "zh")
    assert shown.code == 0, shown.err
    assert "中心平台" in shown.out
    assert "█" in shown.out or "▒" in shown.out
    told = (await xietong("trace", package_id, "--json")).json
    assert told["package_id"] == package_id
    assert [stage["stage"] for stage in told["stages"]][-1] == "transfer"
    assert all(stage["duration_seconds"] >= 0 <= stage["start_seconds"] for stage in told["stages"])
