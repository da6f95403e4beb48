"""Settings: the shipped ones load, the environment wins, and what is wrong is said with its name and remedy."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.runtime.settings import Settings, SettingsError, exports_traces, load_settings

DEPLOY = Path(__file__).parents[3] / "deploy" / "compose"
BRANCHES = ["police", "procuratorate", "court", "justice"]

GOOD = """
state_dir = "state"
[tls]
ca = "ca.pem"
certificate = "exchange.pem"
key = "exchange-key.pem"
[signer]
certificate = "signer.pem"
key = "signer-key.pem"
[neighbours]
hub = "127.0.0.1:7000"
"""


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "police.toml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.mark.parametrize("party", [*BRANCHES, "hub"])
def test_the_settings_of_the_compose_file_load(party: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIETONG_STATE_DIR", "/var/lib/xietong")
    settings = load_settings(DEPLOY / f"{party}.toml")
    neighbours = BRANCHES if party == "hub" else ["hub"]
    assert settings.neighbours == {name: f"{name}:7000" for name in neighbours}
    assert {contact.party for contact in settings.contacts} >= {"hub"}


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, GOOD))
    assert settings.state_dir == tmp_path / "state"
    assert settings.tls.ca == tmp_path / "ca.pem"
    assert settings.signer.key == tmp_path / "signer-key.pem"
    assert settings.neighbour_addresses() == {Party.PARTY_HUB: "127.0.0.1:7000"}


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIETONG_LISTEN", "127.0.0.1:7777")
    monkeypatch.setenv("XIETONG_RETRY__GIVE_UP_AFTER_HOURS", "1.5")
    settings = load_settings(write(tmp_path, GOOD))
    assert settings.listen == "127.0.0.1:7777"
    assert settings.retry.policy().give_up_after.total_seconds() == 5400


def test_the_file_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIETONG_CONFIG", str(write(tmp_path, GOOD)))
    assert load_settings(None).trust_domain == "xietong.test"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD.replace("[neighbours]", "[neighbors]"), "neighbors"),
        (GOOD.replace('state_dir = "state"', ""), "state_dir"),
        (GOOD.replace('hub = "127.0.0.1:7000"', 'moon = "127.0.0.1:7000"'), "moon"),
        (f"{GOOD}[retry]\nlease_seconds = 601\n", "retry.lease_seconds"),
        (f"{GOOD}[retry]\nlongest_delay_seconds = 3601\n", "retry.longest_delay_seconds"),
        (f"{GOOD}[retry]\nfirst_delay_seconds = 90\n", "raise longest_delay_seconds"),
        (f"{GOOD}[retry]\ngive_up_after_hours = inf\n", "retry.give_up_after_hours"),
        (f"{GOOD}[limits]\nmax_package_bytes = 1099511627777\n", "limits.max_package_bytes"),
        (f"{GOOD}[limits.quota_bytes]\npolice = -1\n", "limits.quota_bytes.police"),
        ("listen = [", "not a TOML file"),
        ('listen = "本机"'.encode("gb18030"), "UTF-8"),
    ],
)
def test_unusable_settings_say_what_and_where(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(write(tmp_path, content))
    assert said in str(refused.value)
    assert "police.toml" in str(refused.value)


def _numbers(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every number in a JSON schema, with its path."""
    if schema.get("type") in ("integer", "number"):
        yield path, schema
    for name, inner in {**schema.get("properties", {}), **schema.get("$defs", {})}.items():
        yield from _numbers(inner, f"{path}.{name}")
    for inner in (*schema.get("anyOf", ()), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from _numbers(inner, path)


def test_every_number_has_two_bounds() -> None:
    numbers = dict(_numbers(Settings.model_json_schema()))
    assert ".LimitSettings.quota_bytes" in numbers
    unbounded = [
        path
        for path, schema in numbers.items()
        if not (
            schema.keys() & {"minimum", "exclusiveMinimum"}
            and schema.keys() & {"maximum", "exclusiveMaximum"}
        )
    ]
    assert not unbounded


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml.*--config"):
        load_settings(tmp_path / "none.toml")


def test_a_route_belongs_to_a_neighbour_and_cuts_through_unless_it_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not load_settings(write(tmp_path, GOOD)).after_complete()
    assert not load_settings(write(tmp_path, f"{GOOD}[routes.hub]\n")).after_complete()
    set_so = f'{GOOD}[routes.hub]\nforwarding = "after_complete"\n'
    assert load_settings(write(tmp_path, set_so)).after_complete() == {Party.PARTY_HUB}
    with pytest.raises(SettingsError, match="routes: court: not among the neighbours"):
        load_settings(write(tmp_path, set_so.replace("routes.hub", "routes.court")))
    monkeypatch.setenv("XIETONG_ROUTES__HUB__FORWARDING", "after_complete")
    assert load_settings(write(tmp_path, GOOD)).after_complete() == {Party.PARTY_HUB}


def test_a_lane_may_be_limited_and_a_rate_that_would_let_a_chunk_wait_for_long_is_refused(
    tmp_path: Path,
) -> None:
    limited = f"{GOOD}[routes.hub]\nbulk_bytes_per_second = 16384\n"
    assert load_settings(write(tmp_path, limited)).bandwidths() == {(Party.PARTY_HUB, Lane.LANE_BULK): 16384}
    assert not load_settings(write(tmp_path, GOOD)).bandwidths()
    for lane in ("bulk", "interactive"):
        too_slow = f"{GOOD}[routes.hub]\n{lane}_bytes_per_second = 16383\n"
        with pytest.raises(SettingsError, match=f"routes.hub.{lane}_bytes_per_second"):
            load_settings(write(tmp_path, too_slow))


TRACES = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}


@pytest.fixture
def otel(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any OTEL_* variable."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "exported"),
    [
        ({}, False),
        (TRACES, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4317"}, True),
        (TRACES | {"OTEL_SDK_DISABLED": "TRUE"}, False),
        (TRACES | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (TRACES | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, True),
        (
            TRACES
            | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"},
            True,
        ),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, False),
    ],
)
def test_traces_leave_only_where_the_variables_say(
    variables: dict[str, str], exported: bool, otel: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        otel.setenv(name, value)
    assert exports_traces() is exported


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])
def test_a_protocol_that_nobody_speaks_here_is_refused(name: str, otel: pytest.MonkeyPatch) -> None:
    otel.setenv(*next(iter(TRACES.items())))
    otel.setenv(name, "http/protobuf")
    with pytest.raises(
        SettingsError, match=r"http/protobuf is not supported; set it to grpc.*4317.*请改为 grpc"
    ):
        exports_traces()


LIMITS = """
[limits]
max_package_bytes = 5000000
max_parts = 11
max_manifest_bytes = 70000
max_chunk_bytes = 20000
credit_window_bytes = 1100000
inline_limit_bytes = 1000
max_transfers_per_stream = 3
partial_retention_hours = 1.5
"""


def test_every_limit_is_a_setting_and_told_in_the_capabilities(tmp_path: Path) -> None:
    told = load_settings(write(tmp_path, GOOD + LIMITS)).limits.limits().to_message()
    values = {field.name: value for field, value in told.ListFields()}
    assert values.pop("partial_retention").ToSeconds() == 5400
    expected = tomllib.loads(LIMITS)["limits"]
    del expected["partial_retention_hours"]
    assert values == expected
    assert {field.name for field in told.DESCRIPTOR.fields} == {*expected, "partial_retention"}


@pytest.mark.parametrize(
    "limit",
    [
        "max_chunk_bytes = 16383",
        "max_chunk_bytes = 1048577",  # the smallest credit window must hold a chunk, or nothing would move
        "inline_limit_bytes = -1",
        "inline_limit_bytes = 4194305",
        "max_transfers_per_stream = 0",
        "max_transfers_per_stream = 1001",
        "partial_retention_hours = 0.9",
    ],
)
def test_a_limit_out_of_its_bounds_is_refused_by_name(limit: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"limits.{limit.split(maxsplit=1)[0]}: "):
        load_settings(write(tmp_path, f"{GOOD}[limits]\n{limit}\n"))


def test_a_hub_lets_contents_go_by_itself_and_a_branch_only_when_told(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, GOOD))
    hub = settings.retention.policy(settings.limits, relays=True)
    branch = settings.retention.policy(settings.limits, relays=False)
    assert (hub.outcome, hub.undecided) == (timedelta(days=3), timedelta(days=30))
    assert (branch.outcome, branch.undecided) == (None, None)
    assert branch.unfinished == timedelta(days=7)
    told = "[retention]\noutcome_hours = 48\nundecided_hours = 5\ndraft_days = 9\ngrace_hours = 0.5\n"
    settings = load_settings(write(tmp_path, GOOD + told))
    branch = settings.retention.policy(settings.limits, relays=False)
    assert (branch.outcome, branch.undecided) == (timedelta(days=2), None)
    assert (branch.draft, branch.grace) == (timedelta(days=9), timedelta(minutes=30))
    assert settings.retention.policy(settings.limits, relays=True).undecided == timedelta(hours=5)


@pytest.mark.parametrize(
    "setting", ["grace_hours = 0.05", "outcome_hours = 0", "draft_days = -1", "round_seconds = 0.5"]
)
def test_a_retention_that_would_be_unsafe_is_refused_by_name(setting: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"retention.{setting.split(maxsplit=1)[0]}: "):
        load_settings(write(tmp_path, f"{GOOD}[retention]\n{setting}\n"))


def test_a_quota_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIETONG_LIMITS__QUOTA_BYTES__COURT", "1000")
    settings = load_settings(write(tmp_path, GOOD + "[limits.quota_bytes]\npolice = 5\n"))
    assert settings.limits.quotas() == {Party.PARTY_POLICE: 5, Party.PARTY_COURT: 1000}


def test_settings_that_come_from_nowhere_say_how_to_name_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("XIETONG_")]:
        monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match=r"neither --config FILE nor XIETONG_CONFIG is given.*state_dir"):
        load_settings(None)
