"""What the running processes share: the outbox, and who owns which slot."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.types import UserDefinedType

from actors.store.tables.metadata import metadata


class Xid8(UserDefinedType[int]):
    """A full transaction id of Postgres, which never wraps around."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the name of the type in DDL."""
        return "xid8"


outbox_seq = Sequence("outbox_seq", metadata=metadata)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, outbox_seq, nullable=False, server_default=outbox_seq.next_value()),
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("xid", Xid8(), nullable=False, server_default=text("pg_current_xact_id()")),
    Column("slot", SmallInteger, nullable=False, comment="shards the relay; slot of aggregateid"),
    Column("aggregatetype", Text, nullable=False),
    Column("aggregateid", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("trace_parent", Text),
    Column("occurred_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("seq", "occurred_at"),
    Index("ix_outbox_xid", "xid"),
    CheckConstraint("slot BETWEEN 0 AND 1023", name="slot_range"),
    postgresql_partition_by="RANGE (occurred_at)",
)

shard_members = Table(
    "shard_members",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("address", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("lease_until", DateTime(timezone=True), nullable=False),
)

slots = Table(
    "slots",
    metadata,
    Column("slot", SmallInteger, primary_key=True),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    Column("owner", Text, ForeignKey("shard_members.owner", ondelete="SET NULL")),
    CheckConstraint("slot BETWEEN 0 AND 1023", name="slot_range"),
    CheckConstraint("epoch >= 0", name="epoch_not_negative"),
    Index("ix_slots_owner", "owner"),
)
