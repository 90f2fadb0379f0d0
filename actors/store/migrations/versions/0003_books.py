"""The reports of verifications.

Additive: a process of the previous version keeps working on this schema.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
is_expansion = True


def upgrade() -> None:
    """Make everything."""
    op.create_table(
        "book_verifications",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accounts", sa.BigInteger(), nullable=False),
        sa.Column("transfers", sa.BigInteger(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.Column(
            "currencies",
            postgresql.JSON(astext_type=sa.Text()),
            nullable=False,
            comment="sums in minor units by code",
        ),
        sa.Column("discrepancies", sa.BigInteger(), nullable=False),
        sa.Column(
            "findings",
            postgresql.JSON(astext_type=sa.Text()),
            nullable=False,
            comment="the first of them",
        ),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "discrepancies >= 0", name=op.f("ck_book_verifications_discrepancies_not_negative")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_book_verifications"),
    )
    op.create_index(
        "ix_book_verifications_verified_at",
        "book_verifications",
        [sa.text("verified_at DESC")],
        unique=False,
    )
    op.execute("GRANT SELECT, INSERT ON book_verifications TO gopherpay_app")
