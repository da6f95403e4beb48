"""The editions of the data standard that a node reads: the installed ones, and those of its settings."""

from __future__ import annotations

import logging
from pathlib import Path

from xietong_exchange.runtime.settings import SettingsError, StandardSettings
from xietong_standard import EDITIONS_FOLDER, Edition, EditionError, available_editions, load_edition

log = logging.getLogger(__name__)


def load_editions(settings: StandardSettings) -> list[Edition]:
    """The editions, the newest last. Raises SettingsError with every mistake by file, line and reason."""
    try:
        homes = _homes(settings.folder)
    except OSError as error:
        raise SettingsError(
            f"standard.folder: {settings.folder}: {error.strerror}; name a folder of editions, or leave it out"
            " / 请填写数据标准版本所在的文件夹，或删除该项"
        ) from None
    wanted = settings.editions or list(homes)
    if unknown := [name for name in wanted if name not in homes]:
        raise SettingsError(
            f"standard.editions: there is no edition {unknown[0]}; installed: {', '.join(homes)}"
            f" / 没有数据标准版本 {unknown[0]}，已安装：{'、'.join(homes)}"
        )
    try:
        return [load_edition(name, root) for name, root in homes.items() if name in wanted]
    except EditionError as error:
        raise SettingsError(str(error)) from None


def load_editions_on_trial(settings: StandardSettings) -> list[Edition]:
    """Editions that are there and that the settings leave out; they may be rehearsed before the node reads them.

    A bad one is passed over with a warning: what is not read must not stop the node.
    """
    on_trial = []
    for name, root in _homes(settings.folder).items():
        if settings.editions and name not in settings.editions:
            try:
                on_trial.append(load_edition(name, root))
            except EditionError as error:
                log.warning("edition %s can't be rehearsed: %s", name, error)
    return on_trial


def _homes(folder: Path | None) -> dict[str, Path]:
    """Where each edition lies, the newest last. What is installed is not replaced by a folder of the same name."""
    homes = {} if folder is None else dict.fromkeys(available_editions(folder), folder)
    homes |= dict.fromkeys(available_editions(), EDITIONS_FOLDER)
    return {name: homes[name] for name in sorted(homes, key=_order)}


def _order(edition_id: str) -> tuple[int, ...]:
    return tuple(map(int, edition_id.split(".")))
