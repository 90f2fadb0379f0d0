"""The books, the idempotency keys, the outbox and the slots; the roles that may touch them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from actors.store.tables.runtime import Xid8

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("transfers", "postings", "idempotency_keys")

# Not even the owner changes history by an ordinary statement; ALWAYS, so that a session
# with session_replication_role = replica does not slip past.
REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$
"""

GRANTS = (
    "GRANT USAGE ON SCHEMA public TO gopherpay_app",
    "GRANT SELECT, INSERT ON accounts, transfers, postings, idempotency_keys TO gopherpay_app",
    "GRANT SELECT, INSERT ON outbox TO gopherpay_app",
    "GRANT UPDATE (name, is_default, status, closed_at) ON accounts TO gopherpay_app",
    "GRANT UPDATE (balance_minor, held_minor, overdraft_minor) ON accounts TO gopherpay_app",
    "GRANT UPDATE (version, last_posted_at) ON accounts TO gopherpay_app",
    "GRANT USAGE ON SEQUENCE outbox_seq TO gopherpay_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON shard_members TO gopherpay_app",
    "GRANT SELECT, UPDATE ON slots TO gopherpay_app",
    "GRANT SELECT ON alembic_version TO gopherpay_app",
)


def upgrade() -> None:
    """Make everything."""
    op.execute(sa.schema.CreateSequence(sa.Sequence("outbox_seq", data_type=sa.BigInteger())))
    _accounts()
    _transfers()
    _postings()
    _idempotency_keys()
    _outbox()
    _shard_members()
    _slots()
    _guards()


def _guards() -> None:
    """Make history append-only, and grant the application what it needs by name."""
    op.execute("CREATE TABLE outbox_default PARTITION OF outbox DEFAULT")
    op.execute(REFUSE)
    for table in APPEND_ONLY:
        for name, event, each in (
            ("row", "UPDATE OR DELETE", "ROW"),
            ("truncate", "TRUNCATE", "STATEMENT"),
        ):
            trigger = f"{table}_append_only_{name}"
            op.execute(
                f"CREATE TRIGGER {trigger} BEFORE {event} ON {table}"
                f" FOR EACH {each} EXECUTE FUNCTION refuse_change()"
            )
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
    for grant in GRANTS:
        op.execute(grant)


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("held_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("overdraft_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_accounts_currency")),
        sa.CheckConstraint(
            "kind = 'world' OR balance_minor >= held_minor - overdraft_minor",
            name=op.f("ck_accounts_floor"),
        ),
        sa.CheckConstraint("kind IN ('customer', 'world')", name=op.f("ck_accounts_kind")),
        sa.CheckConstraint(
            "status <> 'closed' OR (balance_minor = 0 AND held_minor = 0)",
            name=op.f("ck_accounts_closed_is_empty"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'frozen', 'closed')", name=op.f("ck_accounts_status")
        ),
        sa.CheckConstraint(
            "balance_minor >= -9223372036854775807", name=op.f("ck_accounts_balance_range")
        ),
        sa.CheckConstraint(
            "char_length(name) BETWEEN 1 AND 100", name=op.f("ck_accounts_name_length")
        ),
        sa.CheckConstraint("held_minor >= 0", name=op.f("ck_accounts_held_not_negative")),
        sa.CheckConstraint("overdraft_minor >= 0", name=op.f("ck_accounts_overdraft_not_negative")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_accounts_version_not_negative")),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_accounts_owner_id_id", "accounts", ["owner_id", "id"], unique=False)
    op.create_index(
        "uq_accounts_default",
        "accounts",
        ["owner_id", "currency"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )


def _transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source_account_id", sa.Uuid(), nullable=False),
        sa.Column("destination_account_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("metadata", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount_minor BETWEEN 1 AND 1000000000000000", name=op.f("ck_transfers_amount_range")
        ),
        sa.CheckConstraint(
            "source_account_id <> destination_account_id", name=op.f("ck_transfers_two_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["destination_account_id"], ["accounts.id"], name="fk_transfers_destination_account_id"
        ),
        sa.ForeignKeyConstraint(
            ["source_account_id"], ["accounts.id"], name="fk_transfers_source_account_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_transfers"),
    )
    op.create_index(
        "ix_transfers_destination_account_id_id",
        "transfers",
        ["destination_account_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_transfers_source_account_id_id", "transfers", ["source_account_id", "id"], unique=False
    )


def _postings() -> None:
    op.create_table(
        "postings",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_after_minor", sa.BigInteger(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_postings_amount_not_zero")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_postings_version_from_one")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_postings_account_id"),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"], name="fk_postings_transfer_id"),
        sa.PrimaryKeyConstraint("account_id", "version", name="pk_postings"),
    )


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.Text(collation="C"), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=True),
        sa.Column("object_id", sa.Uuid(), nullable=True),
        sa.Column(
            "answer",
            postgresql.JSON(astext_type=sa.Text()),
            nullable=True,
            comment="what the answer said that its object does not, or no longer",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "object_id IS NOT NULL OR answer IS NOT NULL",
            name=op.f("ck_idempotency_keys_object_or_answer"),
        ),
        sa.CheckConstraint(
            "(object_kind IS NULL) = (object_id IS NULL)",
            name=op.f("ck_idempotency_keys_object_whole"),
        ),
        sa.PrimaryKeyConstraint("principal_id", "idempotency_key", name="pk_idempotency_keys"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column(
            "seq", sa.BigInteger(), server_default=sa.text("nextval('outbox_seq')"), nullable=False
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column(
            "slot",
            sa.SmallInteger(),
            nullable=False,
            comment="shards the relay; slot of aggregateid",
        ),
        sa.Column("aggregatetype", sa.Text(), nullable=False),
        sa.Column("aggregateid", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("trace_parent", sa.Text(), nullable=True),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("slot BETWEEN 0 AND 1023", name=op.f("ck_outbox_slot_range")),
        sa.PrimaryKeyConstraint("seq", "occurred_at", name="pk_outbox"),
        postgresql_partition_by="RANGE (occurred_at)",
    )


def _shard_members() -> None:
    op.create_table(
        "shard_members",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_shard_members"),
    )


def _slots() -> None:
    op.create_table(
        "slots",
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.CheckConstraint("epoch >= 0", name=op.f("ck_slots_epoch_not_negative")),
        sa.CheckConstraint("slot BETWEEN 0 AND 1023", name=op.f("ck_slots_slot_range")),
        sa.ForeignKeyConstraint(
            ["owner"], ["shard_members.owner"], name="fk_slots_owner", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("slot", name="pk_slots"),
    )
    op.create_index("ix_slots_owner", "slots", ["owner"], unique=False)
