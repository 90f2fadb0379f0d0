"""${message}.

Additive: a process of the previous version keeps working on this schema.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}
is_expansion = True


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
