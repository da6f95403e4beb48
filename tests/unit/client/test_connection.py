"""Settings, credentials, trace and help: what a connection starts from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from opentelemetry import trace as otel
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from xietong.exchange.v1.envelope_pb2 import Party, TraceContext
from xietong_client import Credentials, CredentialsInvalid, Language, Node, SettingsInvalid, pki
from xietong_client.cli.app import connection_options, group_options, output_options, top_options
from xietong_client.cli.commands import COMMANDS
from xietong_client.cli.help_zh import HELP_ZH
from xietong_client.labels import PARTIES, party_by_name, party_name
from xietong_client.settings import ConnectionSettings, preferred_language
from xietong_client.trace import Trace


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    pki.init(folder)
    return folder


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("NODE", "CREDENTIALS", "SYSTEM", "ACTOR", "SERVER_NAME"):
        monkeypatch.delenv(f"XIETONG_{key}", raising=False)


def test_credentials_name_the_caller_and_its_node(certificates: Path) -> None:
    credentials = Credentials.from_folder(certificates / "police", "case-handling")
    assert (credentials.party, credentials.system) == ("police", "case-handling")
    assert credentials.node_name == "police.xietong.test"
    assert credentials.is_issued_by_trust_anchor
    assert "PRIVATE KEY" not in repr(credentials)


def test_the_only_system_of_a_party_is_found_and_an_operator_has_none(certificates: Path) -> None:
    assert Credentials.from_folder(certificates / "court").system == "trial"
    assert Credentials.from_folder(certificates / "court", operator=True).system == ""
    with pytest.raises(CredentialsInvalid, match="case-handling, evidence-archive"):
        Credentials.from_folder(certificates / "police")


def test_a_key_of_another_certificate_is_refused(certificates: Path) -> None:
    police, court = certificates / "police", certificates / "court"
    with pytest.raises(CredentialsInvalid, match="is not the private key"):
        Credentials.from_files(
            police / "system-case-handling.pem", court / "system-trial-key.pem", certificates / "ca.pem"
        )


def test_a_nodes_certificate_is_none_of_a_business_system(certificates: Path) -> None:
    police = certificates / "police"
    with pytest.raises(CredentialsInvalid, match="names no business system"):
        Credentials.from_files(police / "exchange.pem", police / "exchange-key.pem", certificates / "ca.pem")


@pytest.mark.parametrize("broken", ["system-trial.pem", "system-trial-key.pem"])
def test_a_damaged_file_is_named(certificates: Path, tmp_path: Path, broken: str) -> None:
    for name in ("system-trial.pem", "system-trial-key.pem"):
        (tmp_path / name).write_bytes((certificates / "court" / name).read_bytes())
    (tmp_path / "ca.pem").write_bytes((certificates / "ca.pem").read_bytes())
    (tmp_path / broken).write_text("nonsense", encoding="utf-8")
    with pytest.raises(CredentialsInvalid, match=broken):
        Credentials.from_folder(tmp_path, "trial")


def test_a_foreign_ca_is_noticed(certificates: Path, tmp_path: Path) -> None:
    pki.init(tmp_path)
    court = certificates / "court"
    credentials = Credentials.from_files(
        court / "system-trial.pem", court / "system-trial-key.pem", tmp_path / "ca.pem"
    )
    assert not credentials.is_issued_by_trust_anchor


async def test_an_expired_certificate_is_refused_before_connecting(tmp_path: Path) -> None:
    ca = pki.DevelopmentCA.create(tmp_path)
    past = datetime.now(UTC) - timedelta(days=30)
    ca.issue(pki.Identity("court", pki.Role.SYSTEM, "trial"), tmp_path, days=10, now=past)
    credentials = Credentials.from_folder(tmp_path / "court", "trial")
    with pytest.raises(CredentialsInvalid, match="not now"):
        Node.connect("127.0.0.1:1", credentials)


@pytest.mark.usefixtures("no_environment")
def test_options_go_before_environment_before_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = 'node = "file:1"\nsystem = "file"\nactor = "1:2"\ncredentials = "pki/police"\n'
    (tmp_path / "xietong.toml").write_text(file, encoding="utf-8")
    monkeypatch.setenv("XIETONG_SYSTEM", "environment")
    monkeypatch.setenv("XIETONG_NODE", "environment:1")
    settings = ConnectionSettings.read({"node": "option:1", "system": None}, tmp_path)
    assert (settings.target, settings.system) == ("option:1", "environment")
    assert settings.credentials == str(tmp_path / "pki/police")  # relative to the file
    actor = settings.load_actor()
    assert actor is not None
    assert (actor.organ_code, actor.handler_ref) == ("1", "2")


@pytest.mark.usefixtures("no_environment")
@pytest.mark.parametrize("content", ["nodes = 'x:1'", "node = 1", "node = ", "node = '\xff'"])
def test_a_wrong_settings_file_is_explained(tmp_path: Path, content: str) -> None:
    (tmp_path / "xietong.toml").write_bytes(content.encode("latin-1"))
    with pytest.raises(SettingsInvalid, match=r"xietong\.toml"):
        ConnectionSettings.read({}, tmp_path)


@pytest.mark.parametrize("node", ["", "host", "host:", ":1", "host:port"])
def test_an_address_needs_host_and_port(node: str) -> None:
    with pytest.raises(SettingsInvalid, match="XIETONG_NODE"):
        _ = ConnectionSettings(node=node).target


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, Language.ZH),
        ({"LANG": "de_DE.UTF-8"}, Language.EN),
        ({}, Language.EN),
        ({"LC_ALL": "en_US", "LANG": "zh_CN"}, Language.EN),
    ],
)
def test_the_language_follows_the_locale(
    environment: dict[str, str], language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert preferred_language() is language
    assert preferred_language("zh") is Language.ZH


def test_the_current_span_is_the_trace_and_without_one_a_new_trace_begins() -> None:
    assert Trace.current() is None
    assert Trace.begin().trace_id != Trace.begin().trace_id
    context = SpanContext(int("ab" * 16, 16), int("cd" * 8, 16), is_remote=False, trace_flags=TraceFlags(1))
    with otel.use_span(NonRecordingSpan(context)):
        assert Trace.begin().metadata == (("traceparent", f"00-{'ab' * 16}-{'cd' * 8}-01"),)


def test_work_on_a_package_belongs_to_its_trace() -> None:
    travelling = TraceContext(traceparent=f"00-{'12' * 16}-{'34' * 8}-01", tracestate="a=b")
    trace = Trace.of_package(travelling)
    assert trace is not None
    assert trace.metadata == (("traceparent", travelling.traceparent), ("tracestate", "a=b"))
    assert Trace.of_package(TraceContext()) is None


def test_every_party_has_a_name_and_labels() -> None:
    parties = [number for number in Party.values() if number != Party.PARTY_UNSPECIFIED]
    assert set(PARTIES) == set(parties)
    assert {party_by_name(party_name(party)) for party in parties} == set(parties)
    assert party_by_name("unspecified") is None


def test_every_help_text_has_its_chinese() -> None:
    functions: list[Callable[..., object]] = [connection_options, output_options, top_options, group_options]
    functions += [command.function for command in COMMANDS]
    parameters = [
        parameter
        for function in functions
        for parameter in inspect.signature(function, eval_str=True).parameters.values()
    ]
    helps = {get_args(p.annotation)[1].help for p in parameters if get_args(p.annotation)}
    assert helps == set(HELP_ZH)
    assert all(command.help.zh and command.help.en for command in COMMANDS)
