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
    # Those who have read nearly everything are asked for the rest, and mark it, as fast.
    Index("ix_notifications_unread", "user_id", "number", postgresql_where=text("read_at IS NULL")),
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
    Column(
        "is_doubtful",
        Boolean,
        server_default=text("false"),
        nullable=False,
        comment="an attempt may have been accepted: ask before sending again",
    ),
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
    # A delivery of a mail has the mail's own id twice; their links do not live long.
    Index(
        "ix_notification_deliveries_due_mails",
        "next_attempt_at",
        postgresql_where=text("status = 'pending' AND event_id = id"),
    ),
    Index(
        "ix_notification_deliveries_ended_at",
        "ended_at",
        postgresql_where=text("ended_at IS NOT NULL"),
    ),
)

novu_subscribers = Table(
    "novu_subscribers",
    metadata,
    Column("user_id", Uuid, nullable=False),
    Column("profile_hash", LargeBinary, nullable=False),
    Column("synced_at", DateTime(timezone=True), server_default=NOW, nullable=False),
    Column("due_at", DateTime(timezone=True), comment="when to look again; null: in step"),
    PrimaryKeyConstraint("user_id"),
    Index("ix_novu_subscribers_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)
