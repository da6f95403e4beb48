"""The port to a search of packages."""

from __future__ import annotations

from typing import Protocol

from xietong_exchange.flow.records import PackagePage, PackageSearch


class Search(Protocol):
    """Finds packages among very many."""

    async def page(self, wanted: PackageSearch, *, before: int | None, limit: int) -> PackagePage:
        """The newest first; `before` is the `position` of the last one of the page before. As `Packages.page`."""
