"""Facts on their way: cursors of the outbox, inboxes of consumers, notifications, webhooks.

Additive: a process of the previous version keeps working on this schema.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from actors.store.tables.runtime import OUTBOX_XID, Xid8

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
is_expansion = True

NOW = sa.text("now()")

GRANTS = (
    "GRANT SELECT, INSERT, UPDATE ON event_cursors TO gopherpay_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON parked_events TO gopherpay_app",
    "GRANT SELECT, INSERT, DELETE ON consumed_events TO gopherpay_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letters TO gopherpay_app",
    "GRANT SELECT, INSERT, UPDATE ON notification_counters TO gopherpay_app",
    "GRANT SELECT, INSERT, DELETE ON notifications TO gopherpay_app",
    "GRANT UPDATE (read_at) ON notifications TO gopherpay_app",
    "GRANT SELECT, INSERT, UPDATE ON notification_preferences TO gopherpay_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON notification_deliveries TO gopherpay_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON novu_subscribers TO gopherpay_app",
    "GRANT SELECT, INSERT, UPDATE ON webhooks TO gopherpay_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO gopherpay_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON known_sources TO gopherpay_app",
)

BEGIN_NOW = """
INSERT INTO event_cursors (reader, lane, xid, seq)
SELECT reader, lane, pg_snapshot_xmin(pg_current_snapshot()), 0
FROM unnest(ARRAY['notifier', 'webhooks']) AS reader, generate_series(0, 7) AS lane
"""
"""Nobody shall be told today of what happened before there were notifications."""

MAKE_OUTBOX_DAYS = """
CREATE FUNCTION make_outbox_days(days_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '250ms'
AS $function$
DECLARE
    today date := (now() AT TIME ZONE 'utc')::date;
    day date;
    name text;
    made integer := 0;
BEGIN
    FOR day IN SELECT today + n FROM generate_series(-1, least(days_ahead, 60)) AS n LOOP
        name := 'outbox_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE TABLE %I PARTITION OF outbox FOR VALUES FROM (%L) TO (%L)',
                name, day || ' 00:00:00+00', day + 1 || ' 00:00:00+00');
            made := made + 1;
        EXCEPTION WHEN check_violation THEN
            NULL;  -- its rows lie in the default partition already, and stay there
        END;
    END LOOP;
    RETURN made;
END
$function$
"""

DROP_OUTBOX_DAY = """
CREATE FUNCTION drop_outbox_day(readers text[], days_kept integer) RETURNS date
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '250ms'
AS $function$
DECLARE
    oldest date;
    newest xid8;
BEGIN
    -- The oldest or none, so that what is kept has no gap.
    SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD')) INTO oldest
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'outbox'::regclass AND c.relname ~ '^outbox_[0-9]{8}$';
    IF oldest IS NULL
        OR oldest >= (now() AT TIME ZONE 'utc')::date - greatest(days_kept, 1) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT xid FROM %I ORDER BY xid DESC LIMIT 1',
        'outbox_' || to_char(oldest, 'YYYYMMDD')) INTO newest;
    IF newest IS NOT NULL AND (coalesce(cardinality(readers), 0) = 0 OR EXISTS (
        SELECT FROM unnest(readers) AS r(reader) CROSS JOIN generate_series(0, 7) AS l(lane)
        LEFT JOIN event_cursors c ON c.reader = r.reader AND c.lane = l.lane
        WHERE c.xid IS NULL OR c.xid <= newest
    )) THEN
        RETURN NULL;
    END IF;
    IF EXISTS (
        SELECT FROM parked_events
        WHERE (occurred_at AT TIME ZONE 'utc')::date = oldest
    ) THEN
        RETURN NULL;
    END IF;
    EXECUTE format('DROP TABLE %I', 'outbox_' || to_char(oldest, 'YYYYMMDD'));
    RETURN oldest;
END
$function$
"""
"""The application may let go of what everybody has read, and of nothing else."""

FUNCTIONS = ("make_outbox_days(integer)", "drop_outbox_day(text[], integer)")


def upgrade() -> None:
    """Make everything."""
    op.alter_column("outbox", "xid", server_default=sa.text(OUTBOX_XID))
    op.create_index("ix_outbox_xid", "outbox", ["xid"])
    op.add_column(
        "users", sa.Column("language", sa.Text(), server_default=sa.text("'en'"), nullable=False)
    )
    op.create_check_constraint(op.f("ck_users_language"), "users", "language IN ('en', 'vi')")
    _readers()
    _notifications()
    _deliveries()
    _webhooks()
    _known_sources()
    op.execute(BEGIN_NOW)
    for grant in GRANTS:
        op.execute(grant)
    _days()


def _days() -> None:
    for function in (MAKE_OUTBOX_DAYS, DROP_OUTBOX_DAY):
        op.execute(function)
    for signature in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO gopherpay_app")


def _readers() -> None:
    op.create_table(
        "event_cursors",
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("xid", Xid8(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint("lane BETWEEN 0 AND 7", name=op.f("ck_event_cursors_lane_range")),
        sa.PrimaryKeyConstraint("reader", "lane", name="pk_event_cursors"),
    )
    op.create_table(
        "parked_events",
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("xid", Xid8(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("reader", "seq", name="pk_parked_events"),
    )
    op.create_table(
        "consumed_events",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("consumed_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id", name="pk_consumed_events"),
    )
    op.create_index(
        "ix_consumed_events_consumed_at",
        "consumed_events",
        ["consumed_at"],
        postgresql_using="brin",
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid()),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("record_offset", sa.BigInteger(), nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary()),
        sa.Column("value", sa.LargeBinary()),
        sa.Column("headers", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
        sa.UniqueConstraint(
            "consumer", "topic", "partition", "record_offset", name="uq_dead_letters_once"
        ),
    )


def _notifications() -> None:
    op.create_table(
        "notification_counters",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_notification_counters"),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_table(
        "notifications",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "number",
            sa.BigInteger(),
            nullable=False,
            comment="counts a user's by one, without gaps, in commit order",
        ),
        sa.Column("id", sa.Uuid(), nullable=False, comment="made of event, user and kind"),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("user_id", "number", name="pk_notifications"),
    )
    op.create_index("uq_notifications_id", "notifications", ["id"], unique=True)
    op.create_index(
        "ix_notifications_unread",
        "notifications",
        ["user_id", "number"],
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_table(
        "notification_preferences",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("in_app", sa.Boolean(), nullable=False),
        sa.Column("email", sa.Boolean(), nullable=False),
        sa.Column("push", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_notification_preferences_user_id"
        ),
        sa.PrimaryKeyConstraint("user_id", "kind", name="pk_notification_preferences"),
    )


def _deliveries() -> None:
    op.create_table(
        "notification_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False, comment="or the id of a sealed mail"),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column(
            "payload",
            postgresql.JSON(astext_type=sa.Text()),
            nullable=False,
            comment="never a secret: a mail's content stays sealed in mails",
        ),
        sa.Column("status", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "is_doubtful",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="an attempt may have been accepted: ask before sending again",
        ),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=NOW),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "status IN ('pending', 'sent', 'failed', 'expired')",
            name=op.f("ck_notification_deliveries_status"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notification_deliveries"),
        sa.UniqueConstraint(
            "event_id", "workflow", "subscriber_id", name="uq_notification_deliveries_once"
        ),
    )
    op.create_index(
        "ix_notification_deliveries_due",
        "notification_deliveries",
        ["next_attempt_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_notification_deliveries_due_mails",
        "notification_deliveries",
        ["next_attempt_at"],
        postgresql_where=sa.text("status = 'pending' AND event_id = id"),
    )
    op.create_index(
        "ix_notification_deliveries_ended_at",
        "notification_deliveries",
        ["ended_at"],
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.create_table(
        "novu_subscribers",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("profile_hash", sa.LargeBinary(), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), comment="when to look again; null: in step"
        ),
        sa.PrimaryKeyConstraint("user_id", name="pk_novu_subscribers"),
    )
    op.create_index(
        "ix_novu_subscribers_due",
        "novu_subscribers",
        ["due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event_types", postgresql.ARRAY(sa.Text()), nullable=False, comment="empty: all"),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f("ck_webhooks_status")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_webhooks_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_index("ix_webhooks_owner_id_id", "webhooks", ["owner_id", "id"])
    op.create_index(
        "ix_webhooks_listening",
        "webhooks",
        ["owner_id"],
        postgresql_where=sa.text("status = 'active' AND deleted_at IS NULL"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="the CloudEvent in structured JSON"),
        sa.Column("status", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("response_status", sa.SmallInteger()),
        sa.Column("last_error", sa.Text()),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=NOW),
        sa.Column(
            "give_up_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now() + '3 days'::interval"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "status IN ('pending', 'delivered', 'failed')",
            name=op.f("ck_webhook_deliveries_status"),
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name="fk_webhook_deliveries_webhook_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
        sa.UniqueConstraint("webhook_id", "event_id", name="uq_webhook_deliveries_once"),
    )
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["webhook_id", "next_attempt_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_webhook_deliveries_webhook_id_id", "webhook_deliveries", ["webhook_id", "id"]
    )


def _known_sources() -> None:
    op.create_table(
        "known_sources",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("source_hash", sa.LargeBinary(), nullable=False, comment="keyed, of the network"),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint("octet_length(source_hash) = 32", name=op.f("ck_known_sources_length")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_known_sources_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "source_hash", name="pk_known_sources"),
    )
    op.create_index("ix_known_sources_seen_at", "known_sources", ["seen_at"])
