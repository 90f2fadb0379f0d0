"""What is measured of the relay, and the tables that show it."""

from __future__ import annotations

import msgspec

from tests.benchmarks import tables


class Alone(msgspec.Struct, frozen=True):
    """What the relay does with a backlog, at a share of the time."""

    share: float
    events: int
    seconds: float
    cpu_seconds: float


class Delay(msgspec.Struct, frozen=True):
    """How long after its commit a transfer could be read from Kafka."""

    rate: float
    transfers: int
    p50_ms: float
    p99_ms: float
    cpu_share: float


class Beside(msgspec.Struct, frozen=True):
    """The relay while the bulk endpoint is driven as fast as it goes."""

    load: str
    rate: float
    server_cpu_seconds_each: float
    relay_cpu_seconds_each: float
    behind_max: int
    behind_seconds_max: float


class Relaying(msgspec.Struct, frozen=True):
    """Everything that was measured."""

    alone: list[Alone]
    delays: list[Delay]
    beside: list[Beside]


def figures(done: Relaying) -> list[str]:
    """Return the tables."""
    found = (_alone_table(done.alone), _delay_table(done.delays), _beside_table(done.beside))
    return [table for table in found if table]


def _alone_table(measured: list[Alone]) -> str:
    rows = [
        (
            f"{each.share:.0%}",
            f"{each.events / each.seconds:,.0f}",
            f"{each.cpu_seconds / each.events * 1e6:.1f}",
        )
        for each in measured
    ]
    return tables.table(("works at most", "events a second", "relay CPU µs an event"), rows)


def _delay_table(measured: list[Delay]) -> str:
    heads = ("transfers a second", "commit to Kafka p50 ms", "p99 ms", "relay CPU, of a core")
    rows = [
        (f"{each.rate:,.0f}", f"{each.p50_ms:.0f}", f"{each.p99_ms:.0f}", f"{each.cpu_share:.1%}")
        for each in measured
    ]
    return tables.table(heads, rows)


def _beside_table(measured: list[Beside]) -> str:
    heads = ("load", "transfers a second", "server CPU µs each", "relay CPU µs each", "share")
    rows = [
        (
            each.load,
            f"{each.rate:,.0f}",
            f"{each.server_cpu_seconds_each * 1e6:.0f}",
            f"{each.relay_cpu_seconds_each * 1e6:.1f}",
            f"{each.relay_cpu_seconds_each / each.server_cpu_seconds_each:.1%}",
            f"{each.behind_max:,} ({each.behind_seconds_max:.1f} s)",
        )
        for each in measured
    ]
    return tables.table((*heads, "behind at most"), rows) if rows else ""
