"""How long contents and drafts are kept. Rows and evidence stay for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """`None` means for ever. Times count from the last change of a package or draft at this node."""

    outcome: timedelta | None = None
    """Contents of a package that has an outcome."""
    undecided: timedelta | None = None
    """Contents of a package that its receiver holds and has not decided on; only a relay may let these go."""
    unfinished: timedelta = timedelta(days=7)
    """What came of a package that was never received in whole, and partial data of uploads."""
    draft: timedelta | None = None
    """A draft that nobody opens, fills or uploads to; then it is discarded."""
    grace: timedelta = timedelta(hours=24)
    """A part that nothing needs any more, from its last use on: being written, or being found by an offer."""
