"""Where owners of accounts want to hear of events, and what was sent there."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
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
from sqlalchemy.dialects.postgresql import ARRAY

from actors.store.tables.metadata import metadata

NOW = text("now()")

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("owner_id", Uuid, nullable=False),
    Column("url", Text, nullable=False),
    Column("event_types", ARRAY(Text), nullable=False, comment="empty: all"),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("status", Text, server_default=text("'active'"), nullable=False),
    Column("failing_since", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), server_default=NOW, nullable=False),
    Column("deleted_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('active', 'disabled')", name="status"),
    ForeignKeyConstraint(["owner_id"], ["users.id"]),
    PrimaryKeyConstraint("id"),
    Index("ix_webhooks_owner_id_id", "owner_id", "id"),
    Index(
        "ix_webhooks_listening",
        "owner_id",
        postgresql_where=text("status = 'active' AND deleted_at IS NULL"),
    ),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("webhook_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("body", Text, nullable=False, comment="the CloudEvent in structured JSON"),
    Column("status", Text, server_default=text("'pending'"), nullable=False),
    Column("attempts", Integer, server_default=text("0"), nullable=False),
    Column("response_status", SmallInteger),
    Column("last_error", Text),
    Column("next_attempt_at", DateTime(timezone=True), server_default=NOW),
    Column(
        "give_up_at",
        DateTime(timezone=True),
        server_default=text("now() + '3 days'::interval"),
        nullable=False,
    ),
    Column("created_at", DateTime(timezone=True), server_default=NOW, nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint(
        "status IN ('pending', 'delivered', 'failed')",
        name="status",
    ),
    ForeignKeyConstraint(["webhook_id"], ["webhooks.id"]),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("webhook_id", "event_id", name="uq_webhook_deliveries_once"),
    Index(
        "ix_webhook_deliveries_due",
        "webhook_id",
        "next_attempt_at",
        postgresql_where=text("status = 'pending'"),
    ),
    Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
)
