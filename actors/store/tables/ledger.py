"""The books: accounts, transfers, postings, and the keys under which they were asked for."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON

from actors.store.tables.metadata import metadata

NOW = text("now()")

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("name", Text),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    Column("status", Text, nullable=False, server_default=text("'open'")),
    Column("balance_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("held_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("overdraft_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
    Column("last_posted_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("closed_at", DateTime(timezone=True)),
    CheckConstraint("kind IN ('customer', 'world')", name="kind"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("status IN ('open', 'frozen', 'closed')", name="status"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="name_length"),
    CheckConstraint("held_minor >= 0", name="held_not_negative"),
    CheckConstraint("overdraft_minor >= 0", name="overdraft_not_negative"),
    CheckConstraint("version >= 0", name="version_not_negative"),
    CheckConstraint(
        "kind = 'world' OR balance_minor >= held_minor - overdraft_minor", name="floor"
    ),
    CheckConstraint("balance_minor >= -9223372036854775807", name="balance_range"),
    CheckConstraint(
        "status <> 'closed' OR (balance_minor = 0 AND held_minor = 0)", name="closed_is_empty"
    ),
    Index("ix_accounts_owner_id_id", "owner_id", "id"),
    Index(
        "uq_accounts_default",
        "owner_id",
        "currency",
        unique=True,
        postgresql_where=text("is_default"),
    ),
    postgresql_with={"fillfactor": "70"},
)

transfers = Table(
    "transfers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("source_account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("destination_account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("description", Text),
    Column("reference", Text),
    Column("metadata", JSON),
    Column("principal_id", Uuid, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("posted_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount_minor BETWEEN 1 AND 1000000000000000", name="amount_range"),
    CheckConstraint("source_account_id <> destination_account_id", name="two_accounts"),
    Index("ix_transfers_source_account_id_id", "source_account_id", "id"),
    Index("ix_transfers_destination_account_id_id", "destination_account_id", "id"),
)

postings = Table(
    "postings",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("transfer_id", Uuid, ForeignKey("transfers.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("balance_after_minor", BigInteger, nullable=False),
    Column("posted_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("account_id", "version"),
    CheckConstraint("version >= 1", name="version_from_one"),
    CheckConstraint("amount_minor <> 0", name="amount_not_zero"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("principal_id", Uuid, nullable=False),
    Column("idempotency_key", Text(collation="C"), nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("object_kind", Text),
    Column("object_id", Uuid),
    Column("answer", JSON, comment="what the answer said that its object does not, or no longer"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    PrimaryKeyConstraint("principal_id", "idempotency_key"),
    CheckConstraint("(object_kind IS NULL) = (object_id IS NULL)", name="object_whole"),
    CheckConstraint("object_id IS NOT NULL OR answer IS NOT NULL", name="object_or_answer"),
)
