"""How somebody who watches a package looks at it: all that changed since the look before, in one statement."""

from __future__ import annotations

from typing import Any

from asyncpg import Record
from sqlalchemy import BigInteger, ColumnElement, LargeBinary, and_, bindparam, case, func, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by

from xietong_exchange.adapters.postgres.outbox import DELIVERY_COLUMNS, MOVES_PACKAGE
from xietong_exchange.adapters.postgres.statement import Statement, under
from xietong_exchange.adapters.postgres.tables import delivery, evidence, package
from xietong_exchange.flow.records import Proof

PACKAGE, DELIVERY = "package_", "delivery_"
"""Before the names of the columns of each: some names are in both."""


def _look() -> Statement:
    """What did not change is not read, however large it is.

    Of all arrays the driver knows text[] only (see `statement.array`): the bytes of evidence come as hex digits.
    """
    this = bindparam("package_id", type_=package.c.package_id.type)
    last = func.max(evidence.c.position)
    is_more = last > bindparam("known_evidence", type_=BigInteger)

    def pieces(column: ColumnElement[LargeBinary]) -> ColumnElement[Any]:
        digits = func.encode(column, "hex")
        return case((is_more, func.array_agg(aggregate_order_by(digits, evidence.c.position))))

    told = (
        select(
            last.label("last"),
            pieces(evidence.c.statement).label("statements"),
            pieces(evidence.c.signature).label("signatures"),
        )
        .where(evidence.c.package_id == this)
        .subquery("told")
    )
    changed = package.alias("changed")
    is_changed = and_(
        changed.c.package_id == package.c.package_id,
        changed.c.changed_in != bindparam("known_package", type_=BigInteger),
    )
    moves = and_(delivery.c.package_id == package.c.package_id, MOVES_PACKAGE)
    seen = package.join(told, true()).outerjoin(delivery, moves).outerjoin(changed, is_changed)
    return Statement(
        select(
            package.c.changed_in,
            *told.c,
            *under(DELIVERY, DELIVERY_COLUMNS),
            *under(PACKAGE, changed.c),
        )
        .select_from(seen)
        .where(package.c.package_id == this)
    )


LOOK = _look()


def proofs(row: Record) -> tuple[Proof, ...]:
    """All evidence of the package, when there is more of it than was known."""
    pairs = zip(row["statements"] or (), row["signatures"] or (), strict=True)
    return tuple(Proof(bytes.fromhex(statement), bytes.fromhex(signature)) for statement, signature in pairs)
