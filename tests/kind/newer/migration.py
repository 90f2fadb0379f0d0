"""A column more, as a newer version might want one.

Additive: a process of the previous version keeps working on this schema.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "trial"
down_revision = "NEWEST"  # scripts/kind-test puts in that of the checkout
branch_labels = None
depends_on = None
is_expansion = True


def upgrade() -> None:
    """Add it to the table that is written most."""
    op.add_column("transfers", sa.Column("trial", sa.Text()))
