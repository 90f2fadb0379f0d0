"""What the running processes share: the outbox, and who owns which slot."""

from __future__ import annotations

from typing import Final

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


OUTBOX_XID: Final = (
    "greatest(pg_current_xact_id(),"
    " ((pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text)::xid8)"
)
"""Which transaction an outbox row counts with: its own, or the newest that had ended by then.

An own id alone is not the order of an account: it is given at the first lock, and while one
transaction waits for its second, a younger one may move an account that both move and commit.
Whoever comes later to the lock of an account has seen the earlier one end, so this never falls
along an account, and it is never below the own id, so a reader's guard by the oldest running
transaction stays right (ADR 0024).
"""

outbox_seq = Sequence("outbox_seq", metadata=metadata)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, outbox_seq, nullable=False, server_default=outbox_seq.next_value()),
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("xid", Xid8(), nullable=False, server_default=text(OUTBOX_XID)),
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
