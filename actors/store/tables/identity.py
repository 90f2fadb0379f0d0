"""People and their credentials.

What names a person (address, name, mail) is sealed under that person's data key; an address
is found by its keyed hash.  Secrets are stored hashed, or not at all.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from actors.store.tables.metadata import metadata

NOW = text("now()")

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email_index", LargeBinary, nullable=False, comment="keyed hash of the address"),
    Column("kek_id", Text, nullable=False),
    Column("data_key", LargeBinary, nullable=False, comment="wrapped by the key of kek_id"),
    Column("email_sealed", LargeBinary, nullable=False),
    Column("full_name_sealed", LargeBinary, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'unverified'")),
    Column("roles", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("closed_at", DateTime(timezone=True)),
    Column("language", Text, nullable=False, server_default=text("'en'")),
    CheckConstraint("language IN ('en', 'vi')", name="language"),
    CheckConstraint("status IN ('unverified', 'active', 'closed')", name="status"),
    CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="closed_at"),
    CheckConstraint("octet_length(email_index) = 32", name="email_index_length"),
    # An address belongs to whoever proves it first: several may wait for their mail, one is
    # active, and a closed user gives the address free.
    Index(
        "uq_users_email_index_active",
        "email_index",
        unique=True,
        postgresql_where=text("status = 'active'"),
    ),
    Index(
        "ix_users_email_index_unverified",
        "email_index",
        postgresql_where=text("status = 'unverified'"),
    ),
)

passwords = Table(
    "passwords",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("scheme", SmallInteger, nullable=False),
    Column("pepper_id", Text, nullable=False),
    Column("cost", SmallInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=NOW),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False),
    Column("refresh_counter", BigInteger, nullable=False, server_default=text("0")),
    Column("refresh_salt", LargeBinary, nullable=False),
    Column("refreshed_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("refresh_counter BETWEEN 0 AND 4294967295", name="refresh_counter_range"),
    Index("ix_sessions_user_id", "user_id", postgresql_where=text("ended_at IS NULL")),
    Index("ix_sessions_expires_at", "expires_at"),
)

known_sources = Table(
    "known_sources",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("source_hash", LargeBinary, primary_key=True, comment="keyed, of the network"),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    CheckConstraint("octet_length(source_hash) = 32", name="length"),
    Index("ix_known_sources_seen_at", "seen_at"),
)

mail_tokens = Table(
    "mail_tokens",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("purpose IN ('verify', 'reset')", name="purpose"),
    Index("ix_mail_tokens_user_id", "user_id"),
    Index("ix_mail_tokens_expires_at", "expires_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id"), comment="null: the platform's own"),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("expires_at", DateTime(timezone=True)),
    Column("deleted_at", DateTime(timezone=True)),
    CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="name_length"),
    CheckConstraint("cardinality(scopes) >= 1", name="scopes_not_empty"),
    CheckConstraint("expires_at > created_at", name="expires_later"),
    Index("ix_api_keys_user_id_id", "user_id", "id"),
)

mails = Table(
    "mails",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("recipient_index", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload_sealed", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("sent_at", DateTime(timezone=True)),
    CheckConstraint(
        "kind IN ('verify-email', 'account-exists', 'reset-password', 'password-changed')",
        name="kind",
    ),
    Index("ix_mails_recipient_index_id", "recipient_index", "id"),
    Index("ix_mails_user_id", "user_id"),
    Index("ix_mails_unsent", "id", postgresql_where=text("sent_at IS NULL")),
)

revocations = Table(
    "revocations",
    metadata,
    Column("subject", Uuid, primary_key=True, comment="a session, token, user or API key"),
    Column(
        "revoked_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("clock_timestamp()"),
    ),
    Index("ix_revocations_revoked_at", "revoked_at"),
)

throttles = Table(
    "throttles",
    metadata,
    Column("key", Text, primary_key=True),
    Column("hits", Integer, nullable=False),
    Column("window_ends_at", DateTime(timezone=True), nullable=False),
    Column("blocked_until", DateTime(timezone=True)),
    Index("ix_throttles_window_ends_at", "window_ends_at"),
)
