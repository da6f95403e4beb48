"""How to reach the node: options, then the environment, then `xietong.toml`. Nothing else reads these."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xietong.exchange.v1.evidence_pb2 import Actor
from xietong_client.credentials import Credentials
from xietong_client.errors import SettingsInvalid
from xietong_client.text import Language, Text

SETTINGS_FILE = "xietong.toml"
_ENVIRONMENT_PREFIX = "XIETONG_"
_PORTS = range(1, 1 << 16)
_KEYS = ("node", "credentials", "system", "actor", "server_name")


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What is set; empty where it is not.

    Attributes:
        node: Address of the node, `host:port`.
        credentials: Folder with the certificates of the caller's party.
        system: The business system whose certificate is used; `operator` for an operator's.
        actor: Who is responsible, `organ-code:handler-reference`.
        server_name: Name that the node must prove, where it is not that of the caller's own party.
    """

    node: str = ""
    credentials: str = ""
    system: str = ""
    actor: str = ""
    server_name: str = ""

    @classmethod
    def read(cls, options: Mapping[str, str | None], folder: Path | None = None) -> ConnectionSettings:
        """The settings in `folder` (default: the current one). Raises SettingsInvalid."""
        from_file = _read_file((folder or Path.cwd()) / SETTINGS_FILE)
        environment = {key: os.environ.get(_ENVIRONMENT_PREFIX + key.upper()) for key in _KEYS}
        return cls(**{key: options.get(key) or environment[key] or from_file.get(key, "") for key in _KEYS})

    @property
    def target(self) -> str:
        """The address of the node. Raises SettingsInvalid when it is missing or has no port that there is."""
        host, separator, port = self.node.rpartition(":")
        if not host or not separator or not port.isdecimal() or int(port) not in _PORTS:
            malformed = Text(
                f"节点地址“{self.node}”格式不对。", f"the node's address `{self.node}` is malformed."
            )
            raise _invalid(
                malformed if self.node else Text("没有说明节点地址。", "it is not said where the node is."),
                "--node HOST:PORT, XIETONG_NODE, xietong.toml: node",
            )
        return self.node

    def load_credentials(self) -> Credentials:
        """The certificate, key and CA. Raises SettingsInvalid."""
        if not self.credentials:
            raise _invalid(
                Text("没有说明证书文件夹。", "it is not said where the certificates are."),
                "--credentials DIR, XIETONG_CREDENTIALS, xietong.toml: credentials",
            )
        is_operator = self.system == "operator"
        return Credentials.from_folder(
            self.credentials, "" if is_operator else self.system, operator=is_operator
        )

    def load_actor(self) -> Actor | None:
        """Who is responsible, None when it is not set. Raises SettingsInvalid when it is malformed."""
        if not self.actor:
            return None
        organ_code, _, handler = self.actor.partition(":")
        if not organ_code or not handler:
            raise _invalid(
                Text(f"经办人“{self.actor}”格式不对。", f"`{self.actor}` does not name organ and handler."),
                "--actor ORGAN:HANDLER, XIETONG_ACTOR, xietong.toml: actor",
            )
        return Actor(organ_code=organ_code, handler_ref=handler)


def preferred_language(chosen: str | None = None) -> Language:
    """The language of texts: the chosen one, else by the locale Chinese or English."""
    if chosen in tuple(Language):
        return Language(chosen)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return Language.ZH if value.lower().startswith("zh") else Language.EN
    return Language.EN


def _read_file(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _invalid(
            Text(f"{path} 无法读取：{error}。", f"{path} cannot be read: {error}."), SETTINGS_FILE
        ) from error
    wrong = [key for key, value in values.items() if key not in _KEYS or not isinstance(value, str)]
    if wrong:
        text = Text(f"{path} 中的 {wrong[0]} 无效。", f"`{wrong[0]}` in {path} is not known or not text.")
        raise _invalid(text, ", ".join(_KEYS))
    if credentials := values.get("credentials"):
        values["credentials"] = str(path.parent / credentials)
    return values


def _invalid(text: Text, where: str) -> SettingsInvalid:
    remedy = Text(f"请设置：{where}。", f"Set one of: {where}.")
    return SettingsInvalid(reason="SETTINGS_INVALID", text=text, remedy=remedy)
