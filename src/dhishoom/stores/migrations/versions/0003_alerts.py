"""Alerts, the letters that carry them to sinks, and who has acknowledged them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The outbox."""
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.String(64), primary_key=True),
        sa.Column("rule", sa.String(128), nullable=False),
        sa.Column("incident_id", sa.String(64), nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("alerts_by_rule", "alerts", ["rule", "time_ns"])
    op.create_table(
        "letters",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("sink", sa.String(128), nullable=False),
        sa.Column("alert_id", sa.String(64), nullable=False),
        sa.Column("incident_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_ns", sa.BigInteger, nullable=False),
        sa.Column("escalates", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("changed_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("letters_by_sink", "letters", ["sink", "alert_id"], unique=True)
    op.create_index("letters_by_state", "letters", ["sink", "state", "due_ns"])
    op.create_index("letters_by_incident", "letters", ["incident_id"])
    op.create_table(
        "acknowledgements",
        sa.Column("incident_id", sa.String(64), primary_key=True),
        sa.Column("who", sa.String(256), primary_key=True),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """What was on its way is forgotten."""
    for table in ("acknowledgements", "letters", "alerts"):
        op.drop_table(table)
