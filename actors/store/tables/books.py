"""What the verifications of the books have said."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import JSON

from actors.store.tables.metadata import metadata

book_verifications = Table(
    "book_verifications",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("verified_at", DateTime(timezone=True), nullable=False),
    Column("accounts", BigInteger, nullable=False),
    Column("transfers", BigInteger, nullable=False),
    Column("postings", BigInteger, nullable=False),
    Column("currencies", JSON, nullable=False, comment="sums in minor units by code"),
    Column("discrepancies", BigInteger, nullable=False),
    Column("findings", JSON, nullable=False, comment="the first of them"),
    Column("duration_ms", BigInteger, nullable=False),
    CheckConstraint("discrepancies >= 0", name="discrepancies_not_negative"),
    Index("ix_book_verifications_verified_at", text("verified_at DESC")),
)
