"""Detections, incidents with their revisions, reviews and clips."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "detections",
        sa.Column("detection_id", sa.String(64), primary_key=True),
        sa.Column("sensor_id", sa.String(512), nullable=False),
        sa.Column("onset_ns", sa.BigInteger, nullable=False),
        sa.Column("sigma_s", sa.Float, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("label", sa.String(128), nullable=False),
        sa.Column("classes", sa.JSON, nullable=False),
        sa.Column("snr_db", sa.Float, nullable=False),
        sa.Column("model", sa.String(256), nullable=False),
        sa.Column("clip", sa.String(512)),
    )
    op.create_index("detections_by_time", "detections", ["onset_ns"])
    op.create_index("detections_by_sensor", "detections", ["sensor_id", "onset_ns"])
    op.create_index("detections_by_clip", "detections", ["clip"])
    _create_incidents()
    op.create_table(
        "reviews",
        sa.Column("review_id", sa.String(64), primary_key=True),
        sa.Column("subject_id", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reviewer", sa.String(256), nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("reviews_by_subject", "reviews", ["subject_id", "time_ns"])
    op.create_table(
        "clips",
        sa.Column("clip", sa.String(512), primary_key=True),
        sa.Column("sensor_id", sa.String(512), nullable=False),
        sa.Column("start_ns", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    op.create_index("clips_by_time", "clips", ["start_ns"])


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.String(64), primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("incidents_by_time", "incidents", ["time_ns"])
    op.create_table(
        "incident_revisions",
        sa.Column("incident_id", sa.String(64), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "incident_detections",
        sa.Column("incident_id", sa.String(64), primary_key=True),
        sa.Column("detection_id", sa.String(64), primary_key=True),
    )
    op.create_index("incident_detections_by_detection", "incident_detections", ["detection_id"])


def downgrade() -> None:
    """Remove them, and with them all that was kept."""
    for table in ("clips", "reviews", "incident_detections", "incident_revisions", "incidents", "detections"):
        op.drop_table(table)
