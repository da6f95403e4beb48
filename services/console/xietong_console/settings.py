"""The settings of the console: a TOML file, and environment variables that win over it. Nothing else reads these.

Variables are named XIETONG_CONSOLE_<SETTING>, nested ones with two underscores: XIETONG_CONSOLE_TLS__KEY.
"""

from __future__ import annotations

import os
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

CONFIG_VARIABLE = "XIETONG_CONSOLE_CONFIG"


class SettingsError(Exception):
    """The settings can't be used; the text says which one, why, and how to mend it."""


class WebTls(BaseModel):
    """PEM files with which the console proves itself to browsers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: Path
    key: Path


class Settings(BaseSettings):
    """All settings of the console. Relative paths count from the settings file's folder."""

    model_config = SettingsConfigDict(
        env_prefix="XIETONG_CONSOLE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    listen: str = "127.0.0.1:7180"
    node: str
    """Address of the node, `host:port`."""
    credentials: Path
    """Folder with the operator's certificate of the node's party, as `xietong pki` makes it."""
    accounts: Path = Path("accounts.json")
    tls: WebTls | None = None
    insecure_loopback: bool = False
    """Plain HTTP on a loopback address: for development only."""
    idle_minutes: int = Field(default=30, ge=1, le=24 * 60)
    session_hours: int = Field(default=12, ge=1, le=7 * 24)
    answer_seconds: float = Field(default=5.0, gt=0, le=60)
    """How long a page waits for the node."""
    live_streams: int = Field(default=200, ge=1, le=10_000)
    """Most pages that follow something live at the same time."""

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
    def _is_encrypted_or_local(self) -> Self:
        host, separator, port = self.listen.rpartition(":")
        if not separator or not port.isdecimal() or int(port) >= 1 << 16:
            raise ValueError(f"listen: {self.listen} is no HOST:PORT / 不是 主机:端口")
        if self.tls is None and not (self.insecure_loopback and _is_loopback(host)):
            raise ValueError(
                "tls: name certificate and key; only on a loopback address, and with insecure_loopback = true, the"
                " console works without / 请配置证书和密钥；只有在本机回环地址并设置 insecure_loopback 时才可不加密"
            )
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def load_settings(file: Path | None) -> Settings:
    """Read the settings. Raises SettingsError."""
    path = file or (Path(os.environ[CONFIG_VARIABLE]) if CONFIG_VARIABLE in os.environ else None)
    content = _read(path) if path else {}
    try:
        settings = Settings(**content)
    except ValidationError as error:
        raise SettingsError(_explain(error, path)) from None
    return _from_folder(settings, (path or Path("x")).absolute().parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{path}: {error.strerror}; give the settings file with --config / 请用 --config 指定配置文件"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not a TOML file in UTF-8 / 不是 UTF-8 的 TOML 文件: {error}") from None


def _explain(error: ValidationError, path: Path | None) -> str:
    where = str(path) if path else f"the environment (neither --config FILE nor {CONFIG_VARIABLE} is given)"
    lines = [f"{where}: {'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
    return "\n".join([*lines, "correct these settings; docs/console.md describes each / 请更正以上配置"])


def _from_folder(settings: Settings, folder: Path) -> Settings:
    tls = settings.tls and WebTls(
        certificate=folder / settings.tls.certificate, key=folder / settings.tls.key
    )
    return settings.model_copy(
        update={
            "credentials": folder / settings.credentials,
            "accounts": folder / settings.accounts,
            "tls": tls,
        }
    )
