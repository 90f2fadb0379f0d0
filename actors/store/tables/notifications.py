"""What people are told: the inbox, their wishes, and the deliveries to Novu."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON

from actors.store.tables.metadata import metadata

NOW = text("now()")

notification_counters = Table(
    "notification_counters",
    metadata,
    Column("user_id", Uuid, nullable=False),
    Column("last_number", BigInteger, nullable=False),
    PrimaryKeyConstraint("user_id"),
    postgresql_with={"fillfactor": "70"},
)

notifications = Table(
    "notifications",
    metadata,
    Column("user_id", Uuid, nullable=False),
    Column(
        "number",
        BigInteger,
        nullable=False,
        comment="counts a user's by one, without gaps, in commit order",
    ),
    Column("id", Uuid, nullable=False, comment="made of event, user and kind"),
    Column("event_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=NOW, nullable=False),
    Column("read_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("user_id", "number"),
    Index("uq_notifications_id", "id", unique=True),
)

notification_preferences = Table(
    "notification_preferences",
    metadata,
    Column("user_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("in_app", Boolean, nullable=False),
    Column("email", Boolean, nullable=False),
    Column("push", Boolean, nullable=False),
    ForeignKeyConstraint(["user_id"], ["users.id"]),
    PrimaryKeyConstraint("user_id", "kind"),
)

notification_deliveries = Table(
    "notification_deliveries",
    metadata,
    Column("id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False, comment="or the id of a sealed mail"),
    Column("workflow", Text, nullable=False),
    Column("subscriber_id", Uuid, nullable=False),
    Column(
        "payload",
        JSON,
        nullable=False,
        comment="never a secret: a mail's content stays sealed in mails",
    ),
    Column("status", Text, server_default=text("'pending'"), nullable=False),
    Column("attempts", Integer, server_default=text("0"), nullable=False),
    Column("next_attempt_at", DateTime(timezone=True), server_default=NOW),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("last_error", Text),
    Column("created_at", DateTime(timezone=True), server_default=NOW, nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint(
        "status IN ('pending', 'sent', 'failed', 'expired')",
        name="status",
    ),
    PrimaryKeyConstraint("id"),
    UniqueConstraint(
        "event_id", "workflow", "subscriber_id", name="uq_notification_deliveries_once"
    ),
    Index(
        "ix_notification_deliveries_due",
        "next_attempt_at",
        postgresql_where=text("status = 'pending'"),
    ),
)

novu_subscribers = Table(
    "novu_subscribers",
    metadata,
    Column("user_id", Uuid, nullable=False),
    Column("profile_hash", LargeBinary, nullable=False),
    Column("synced_at", DateTime(timezone=True), server_default=NOW, nullable=False),
    PrimaryKeyConstraint("user_id"),
)
