"""Where the metres of a geographic site's incidents have their zero."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row at most."""
    op.create_table(
        "origin",
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("lat", sa.Float, nullable=False),
        sa.Column("lon", sa.Float, nullable=False),
        sa.Column("altitude_m", sa.Float, nullable=False),
    )


def downgrade() -> None:
    """Degrees of earlier incidents can no longer be told."""
    op.drop_table("origin")
