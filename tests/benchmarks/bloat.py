"""How large the books are on disk, and how much of that is air."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from tests.benchmarks import tables
from tests.benchmarks.history import TABLES
from tests.benchmarks.usage import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADINGS = ("relation", "MiB before", "MiB after", "bytes a transfer", "free %", "dead %")

HEAPS = """
SELECT c.relname, pg_table_size(c.oid), a.approx_free_percent, a.dead_tuple_percent
FROM pg_class c CROSS JOIN LATERAL pgstattuple_approx(c.oid) a
WHERE c.oid = ANY(%(tables)s::regclass[])
    OR c.relispartition AND c.relkind = 'r' AND pg_table_size(c.oid) > 1024 * 1024
ORDER BY 1
"""
TREES = """
SELECT i.relname, pg_relation_size(i.oid), 100 - s.avg_leaf_density, 0.0
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_am m ON m.oid = i.relam AND m.amname = 'btree'
CROSS JOIN LATERAL pgstatindex(i.oid) s
WHERE i.relkind = 'i' AND pg_relation_size(i.oid) > 8192 AND (c.oid = ANY(%(tables)s::regclass[])
    OR c.relispartition AND pg_relation_size(i.oid) > 1024 * 1024)
ORDER BY 1
"""
"""A B-tree that was built whole keeps 10 % of each leaf free; one that grew keeps up to 50 %."""


@dataclass(frozen=True, slots=True)
class Size:
    """One table or index; an index's free share is that of its leaves."""

    size_bytes: int
    free_percent: float
    dead_percent: float


def sizes(dsn: str) -> dict[str, Size]:
    """Return the size of each table and index of the books; *dsn* is the owner's."""
    names = {"tables": list(TABLES)}
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pgstattuple")
        rows = [
            *connection.execute(HEAPS, names).fetchall(),
            *connection.execute(TREES, names).fetchall(),
        ]
    return {name: Size(int(size), float(free), float(dead)) for name, size, free, dead in rows}


def growth(before: dict[str, Size], after: dict[str, Size], transfers: int) -> str:
    """Return a Markdown table of what *transfers* added."""
    rows = [_row(name, before.get(name), size, transfers) for name, size in after.items()]
    sums = [sum(each.size_bytes for each in side.values()) for side in (before, after)]
    rows.append(("all", *_sizes(*sums, transfers), "", ""))
    return tables.table(HEADINGS, rows)


def _row(name: str, before: Size | None, after: Size, transfers: int) -> Sequence[str]:
    was_bytes = 0 if before is None else before.size_bytes
    return (
        name,
        *_sizes(was_bytes, after.size_bytes, transfers),
        f"{after.free_percent:.1f}",
        f"{after.dead_percent:.1f}",
    )


def _sizes(before_bytes: int, after_bytes: int, transfers: int) -> tuple[str, str, str]:
    return (
        f"{before_bytes / MIB:,.1f}",
        f"{after_bytes / MIB:,.1f}",
        f"{(after_bytes - before_bytes) / transfers:,.0f}",
    )
