"""The settings of a node: a TOML file, and environment variables that win over it. The only reader of the environment.

Variables are named XIETONG_<SETTING>, nested ones with two underscores: XIETONG_TLS__KEY.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.domain.bandwidth import LEAST_BURST_BYTES
from xietong_exchange.domain.limits import Limits
from xietong_exchange.domain.party import party_by_name
from xietong_exchange.domain.punctuality import Patience
from xietong_exchange.domain.retention import Retention
from xietong_exchange.domain.retry import RetryPolicy
from xietong_standard import DEFAULT_PAGE_TOLERANCE

CONFIG_VARIABLE = "XIETONG_CONFIG"
OTLP_PROTOCOL = "grpc"
HUB_OUTCOME_HOURS = 72.0
HUB_UNDECIDED_HOURS = 720.0
YEAR_HOURS = 8_784
LEGAL_HOURS = 100 * YEAR_HOURS
"""Longer than any file of a case is kept by law; a number beyond is a slip of the pen."""
LARGEST_PACKAGE_BYTES = 1 << 40
"""The most that the contract can name: `EnvelopePart.size_bytes`, and offsets into a part."""
LARGEST_STORE_BYTES = 1 << 60
WEBHOOK_URL = r"^(https://|http://(127\.0\.0\.1|localhost)[:/])[\x21-\x7e]+$"
"""Without TLS to this machine only, where a forwarder may listen."""
_DEFAULTS = Limits()
_Value = TypeVar("_Value")
PartyName = Literal["police", "procuratorate", "court", "justice", "hub"]


class SettingsError(Exception):
    """The settings can't be used; the text says which one, why, and how to mend it."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsSettings(_Section):
    """PEM files of the mutual TLS."""

    ca: Path
    certificate: Path
    key: Path


class SignerSettings(_Section):
    """PEM files of the signing key."""

    certificate: Path
    key: Path


class RetrySettings(_Section):
    """When to try again, and when to give up. Seconds and hours."""

    first_delay_seconds: float = Field(default=0.5, ge=0.01, le=3600)
    longest_delay_seconds: float = Field(default=60.0, ge=0.01, le=3600)
    give_up_after_hours: float = Field(default=72.0, gt=0, le=YEAR_HOURS)
    lease_seconds: float = Field(default=15.0, ge=1, le=600)

    @model_validator(mode="after")
    def _pauses_grow(self) -> Self:
        if self.first_delay_seconds > self.longest_delay_seconds:
            raise ValueError(
                "the first pause is longer than the longest one; raise longest_delay_seconds"
                " / 首次间隔大于最长间隔，请调大 longest_delay_seconds"
            )
        return self

    def policy(self) -> RetryPolicy:
        """As the couriers use it."""
        return RetryPolicy(
            self.first_delay_seconds,
            self.longest_delay_seconds,
            timedelta(hours=self.give_up_after_hours),
            self.lease_seconds,
        )


class LimitSettings(_Section):
    """Limits of the node in bytes and counts."""

    max_package_bytes: int = Field(default=_DEFAULTS.max_package_bytes, gt=0, le=LARGEST_PACKAGE_BYTES)
    max_parts: int = Field(default=_DEFAULTS.max_parts, gt=0, le=10_000)
    max_manifest_bytes: int = Field(default=_DEFAULTS.max_manifest_bytes, gt=0, le=16 << 20)
    max_chunk_bytes: int = Field(default=_DEFAULTS.max_chunk_bytes, ge=1 << 14, le=1 << 20)
    credit_window_bytes: int = Field(
        default=_DEFAULTS.credit_window_bytes, ge=1 << 20, le=64 << 20
    )  # holds the largest chunk; every transfer may take so much memory
    inline_limit_bytes: int = Field(default=_DEFAULTS.inline_limit_bytes, ge=0, le=4 << 20)
    max_transfers_per_stream: int = Field(default=_DEFAULTS.max_transfers_per_stream, ge=1, le=1_000)
    partial_retention_hours: float = Field(
        default=_DEFAULTS.partial_retention_seconds / 3600, ge=1, le=YEAR_HOURS
    )
    reserve_bytes: int = Field(default=1 << 30, ge=0, le=LARGEST_STORE_BYTES)
    quota_bytes: dict[PartyName, Annotated[int, Field(gt=0, le=LARGEST_STORE_BYTES)]] = {}

    def limits(self) -> Limits:
        """As the engine uses them."""
        return Limits(
            max_package_bytes=self.max_package_bytes,
            max_parts=self.max_parts,
            max_manifest_bytes=self.max_manifest_bytes,
            max_chunk_bytes=self.max_chunk_bytes,
            credit_window_bytes=self.credit_window_bytes,
            inline_limit_bytes=self.inline_limit_bytes,
            max_transfers_per_stream=self.max_transfers_per_stream,
            partial_retention_seconds=round(self.partial_retention_hours * 3600),
        )

    def quotas(self) -> dict[Party.ValueType, int]:
        """Quotas by sending party."""
        return _by_party(self.quota_bytes)


class RouteSettings(_Section):
    """How packages travel to one neighbour."""

    forwarding: Literal["cut_through", "after_complete"] = "cut_through"
    interactive_bytes_per_second: int | None = Field(default=None, ge=LEAST_BURST_BYTES, le=1 << 40)
    bulk_bytes_per_second: int | None = Field(default=None, ge=LEAST_BURST_BYTES, le=1 << 40)


class StandardSettings(_Section):
    """Which editions of the data standard this node reads."""

    editions: list[str] = Field(default=[], max_length=100)
    folder: Path | None = None

    def from_folder(self, folder: Path) -> StandardSettings:
        """With the folder of editions as a path from there."""
        return self.model_copy(update={"folder": folder / self.folder if self.folder else None})


class RetentionSettings(_Section):
    """How long contents and drafts are kept. Rows and evidence stay."""

    outcome_hours: float | None = Field(default=None, gt=0, le=LEGAL_HOURS)
    undecided_hours: float | None = Field(default=None, gt=0, le=LEGAL_HOURS)
    draft_days: float = Field(default=180.0, gt=0, le=LEGAL_HOURS / 24)
    grace_hours: float = Field(default=24.0, ge=0.1, le=YEAR_HOURS)
    round_seconds: float = Field(default=60.0, ge=1, le=3600)

    def policy(self, limits: LimitSettings, *, relays: bool) -> Retention:
        """As the engine uses it. What a hub lets go of its receivers have; a branch keeps what nobody told it."""
        outcome, undecided = self.outcome_hours, None
        if relays:
            outcome = outcome or HUB_OUTCOME_HOURS
            undecided = timedelta(hours=self.undecided_hours or HUB_UNDECIDED_HOURS)
        return Retention(
            outcome=None if outcome is None else timedelta(hours=outcome),
            undecided=undecided,
            unfinished=timedelta(hours=limits.partial_retention_hours),
            draft=timedelta(days=self.draft_days),
            grace=timedelta(hours=self.grace_hours),
        )


class ProcessPatienceSettings(_Section):
    """What a process has of its own. Hours."""

    parse_hours: float | None = Field(default=None, gt=0, le=8760)
    decide_hours: float | None = Field(default=None, gt=0, le=8760)


class SupervisionSettings(_Section):
    """When somebody is told that a package is late. Seconds, minutes and hours."""

    round_seconds: float = Field(default=30.0, ge=1, le=600)
    standstill_minutes: float = Field(default=3.0, gt=0, le=1440)
    fetch_minutes: float = Field(default=15.0, gt=0, le=10080)
    parse_hours: float = Field(default=2.5, gt=0, le=8760)
    decide_hours: float | None = Field(default=None, gt=0, le=8760)
    escalate_minutes: float = Field(default=30.0, gt=0, le=10080)
    processes: dict[str, ProcessPatienceSettings] = {}

    def patience(self) -> Patience:
        """As the watch uses it."""
        return Patience(
            standstill=timedelta(minutes=self.standstill_minutes),
            fetch=timedelta(minutes=self.fetch_minutes),
            parse=timedelta(hours=self.parse_hours),
            decide=_hours(self.decide_hours),
            escalate=timedelta(minutes=self.escalate_minutes),
            processes={
                code: (_hours(own.parse_hours), _hours(own.decide_hours))
                for code, own in self.processes.items()
            },
        )


def _hours(hours: float | None) -> timedelta | None:
    return None if hours is None else timedelta(hours=hours)


class NotificationSettings(_Section):
    """Who is told of incidents and, at the hub, of deadlines, besides those who look."""

    url: str | None = Field(default=None, max_length=1000, pattern=WEBHOOK_URL)
    secret_file: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    per_minute: int = Field(default=30, ge=1, le=600)
    deadlines: bool = True

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.certificate is None) is not (self.key is None):
            raise ValueError("give certificate and key, or none of them / 证书和私钥必须同时给出")
        return self

    def from_folder(self, folder: Path) -> Self:
        """With paths that count from this folder."""
        files = ("secret_file", "ca", "certificate", "key")
        given = {name: path for name in files if (path := getattr(self, name)) is not None}
        return self.model_copy(update={name: folder / path for name, path in given.items()})


class MetricsSettings(_Section):
    """What is measured, and for whom."""

    prometheus_port: int | None = Field(default=None, ge=1, le=65535)
    prometheus_host: str = Field(default="127.0.0.1", min_length=1, max_length=255)
    round_seconds: float = Field(default=15.0, ge=1, le=3600)

    def prometheus(self) -> tuple[str, int] | None:
        """Host and port of the endpoint, None when there is none."""
        return None if self.prometheus_port is None else (self.prometheus_host, self.prometheus_port)


class ContactSettings(_Section):
    """A contact of the directory: a role, never a person."""

    party: PartyName
    system: str = Field(min_length=1, max_length=60)
    vendor: str = Field(max_length=100)
    level: Literal["operations", "lead"]
    reach: str = Field(min_length=1, max_length=200)
    duty_hours: str = Field(default="", max_length=200)


class Settings(BaseSettings):
    """All settings of one node. Relative paths count from the settings file's folder."""

    model_config = SettingsConfigDict(
        env_prefix="XIETONG_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    listen: str = "127.0.0.1:7000"
    state_dir: Path
    database_url: str | None = None
    database_connections: int = Field(default=16, ge=4, le=1_000)
    trust_domain: str = "xietong.test"
    page_tolerance: int = Field(default=DEFAULT_PAGE_TOLERANCE, ge=0, le=1_000)
    tls: TlsSettings
    signer: SignerSettings
    neighbours: dict[PartyName, str] = Field(min_length=1)
    routes: dict[PartyName, RouteSettings] = {}
    limits: LimitSettings = LimitSettings()
    retention: RetentionSettings = RetentionSettings()
    standard: StandardSettings = StandardSettings()
    retry: RetrySettings = RetrySettings()
    supervision: SupervisionSettings = SupervisionSettings()
    notification: NotificationSettings = NotificationSettings()
    metrics: MetricsSettings = MetricsSettings()
    logging: Literal["text", "json"] = "text"
    contacts: list[ContactSettings] = []

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _routes_lead_to_neighbours(self) -> Self:
        if strangers := sorted(self.routes.keys() - self.neighbours.keys()):
            raise ValueError(f"routes: {', '.join(strangers)}: not among the neighbours / 不是相邻节点")
        return self

    def neighbour_addresses(self) -> dict[Party.ValueType, str]:
        """Address by party."""
        return _by_party(self.neighbours)

    def after_complete(self) -> frozenset[Party.ValueType]:
        """Neighbours to which packages go on only when they are whole."""
        routes = _by_party(self.routes)
        return frozenset(party for party, route in routes.items() if route.forwarding == "after_complete")

    def bandwidths(self) -> dict[tuple[Party.ValueType, Lane.ValueType], int]:
        """Most bytes of content per second by neighbour and lane, where there is a limit."""
        limits = {
            (party, lane): limit
            for party, route in _by_party(self.routes).items()
            for lane, limit in (
                (Lane.LANE_INTERACTIVE, route.interactive_bytes_per_second),
                (Lane.LANE_BULK, route.bulk_bytes_per_second),
            )
        }
        return {hop: limit for hop, limit in limits.items() if limit is not None}


def _by_party(settings: Mapping[PartyName, _Value]) -> dict[Party.ValueType, _Value]:
    found = {party_by_name(name): value for name, value in settings.items()}
    return {party: value for party, value in found.items() if party is not None}


def load_settings(file: Path | None) -> Settings:
    """Read the settings. Raises SettingsError."""
    path = file or (Path(os.environ[CONFIG_VARIABLE]) if CONFIG_VARIABLE in os.environ else None)
    content = _read(path) if path else {}
    try:
        settings = Settings(**content)
    except ValidationError as error:
        raise SettingsError(_explain(error, path)) from None
    return _from_folder(settings, (path or Path("x")).absolute().parent)


def exports_traces() -> bool:
    """Whether the standard OTEL_* variables ask for traces over OTLP. Raises SettingsError when we can't speak it."""
    return _exports("TRACES")


def exports_metrics() -> bool:
    """Whether they ask for metrics over OTLP. Raises SettingsError when we can't speak it."""
    return _exports("METRICS")


def _exports(signal: str) -> bool:
    wanted = _otel(f"EXPORTER_OTLP_{signal}_ENDPOINT", "EXPORTER_OTLP_ENDPOINT")
    if not wanted or _otel("SDK_DISABLED").lower() == "true" or _otel(f"{signal}_EXPORTER") == "none":
        return False
    protocol = _otel(f"EXPORTER_OTLP_{signal}_PROTOCOL", "EXPORTER_OTLP_PROTOCOL") or OTLP_PROTOCOL
    if protocol != OTLP_PROTOCOL:
        raise SettingsError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL: {protocol} is not supported; set it to {OTLP_PROTOCOL}, or leave it out,"
            " and name the collector's gRPC endpoint (usually port 4317)"
            f" / 不支持 {protocol}：请改为 {OTLP_PROTOCOL} 或删除该变量，并使用采集器的 gRPC 端口（通常为 4317）"
        )
    return True


def _otel(*names: str) -> str:
    """The first of these variables that has a value; without OTEL_."""
    return next(filter(None, (os.environ.get(f"OTEL_{name}", "").strip() for name in names)), "")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; give the settings file with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not a TOML file in UTF-8: {error}") from None


def _explain(error: ValidationError, path: Path | None) -> str:
    where = str(path) if path else f"the environment (neither --config FILE nor {CONFIG_VARIABLE} is given)"
    lines = [f"{where}: {'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
    return "\n".join([*lines, "correct these settings; docs/reference/configuration.md describes each"])


def _from_folder(settings: Settings, folder: Path) -> Settings:
    tls, signer = settings.tls, settings.signer
    return settings.model_copy(
        update={
            "state_dir": folder / settings.state_dir,
            "tls": TlsSettings(
                ca=folder / tls.ca, certificate=folder / tls.certificate, key=folder / tls.key
            ),
            "notification": settings.notification.from_folder(folder),
            "standard": settings.standard.from_folder(folder),
            "signer": SignerSettings(certificate=folder / signer.certificate, key=folder / signer.key),
        }
    )
