"""How far readers of the outbox came, and what consumers have done or given up."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON

from actors.store.tables.metadata import metadata
from actors.store.tables.runtime import Xid8

NOW = text("now()")

event_cursors = Table(
    "event_cursors",
    metadata,
    Column("reader", Text, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("xid", Xid8(), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("moved_at", DateTime(timezone=True), server_default=NOW, nullable=False),
    CheckConstraint("lane BETWEEN 0 AND 7", name="lane_range"),
    PrimaryKeyConstraint("reader", "lane"),
)

parked_events = Table(
    "parked_events",
    metadata,
    Column("reader", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("xid", Xid8(), nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, server_default=text("0"), nullable=False),
    Column("error", Text, nullable=False),
    Column("parked_at", DateTime(timezone=True), server_default=NOW, nullable=False),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("reader", "seq"),
)

consumed_events = Table(
    "consumed_events",
    metadata,
    Column("consumer", Text, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("consumed_at", DateTime(timezone=True), server_default=NOW, nullable=False),
    PrimaryKeyConstraint("consumer", "event_id"),
    Index("ix_consumed_events_consumed_at", "consumed_at", postgresql_using="brin"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("consumer", Text, nullable=False),
    Column("event_id", Uuid),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("record_offset", BigInteger, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("headers", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("added_at", DateTime(timezone=True), server_default=NOW, nullable=False),
    Column("replayed_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("id"),
    UniqueConstraint(
        "consumer", "topic", "partition", "record_offset", name="uq_dead_letters_once"
    ),
)
