"""The tables, as SQLAlchemy Core sees them; `migrations/` makes them, and a test holds the two together."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

detections = Table(
    "detections",
    metadata,
    Column("detection_id", String(64), primary_key=True),
    Column("sensor_id", String(512), nullable=False),
    Column("onset_ns", BigInteger, nullable=False),
    Column("sigma_s", Float, nullable=False),
    Column("score", Float, nullable=False),
    Column("label", String(128), nullable=False),
    Column("classes", JSON, nullable=False),
    Column("snr_db", Float, nullable=False),
    Column("model", String(256), nullable=False),
    Column("clip", String(512)),
    Index("detections_by_time", "onset_ns"),
    Index("detections_by_sensor", "sensor_id", "onset_ns"),
    Index("detections_by_clip", "clip"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", String(64), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("incidents_by_time", "time_ns"),
)

incident_revisions = Table(
    "incident_revisions",
    metadata,
    Column("incident_id", String(64), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("document", Text, nullable=False),
)

incident_detections = Table(
    "incident_detections",
    metadata,
    Column("incident_id", String(64), primary_key=True),
    Column("detection_id", String(64), primary_key=True),
    Index("incident_detections_by_detection", "detection_id"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("review_id", String(64), primary_key=True),
    Column("subject_id", String(64), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reviewer", String(256), nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Index("reviews_by_subject", "subject_id", "time_ns"),
)

clips = Table(
    "clips",
    metadata,
    Column("clip", String(512), primary_key=True),
    Column("sensor_id", String(512), nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Index("clips_by_time", "start_ns"),
)

origin = Table(
    "origin",
    metadata,
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("altitude_m", Float, nullable=False),
)
"""One row at most: where the metres of everything kept here have their zero."""

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", String(64), primary_key=True),
    Column("rule", String(128), nullable=False),
    Column("incident_id", String(64), nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("alerts_by_rule", "rule", "time_ns"),
)
"""What rules decided to tell; `time_ns` is the incident's."""

letters = Table(
    "letters",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("sink", String(128), nullable=False),
    Column("alert_id", String(64), nullable=False),
    Column("incident_id", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
    Column("escalates", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    Index("letters_by_sink", "sink", "alert_id", unique=True),
    Index("letters_by_state", "sink", "state", "due_ns"),
    Index("letters_by_incident", "incident_id"),
)
"""Alerts on their way to sinks, in the order of `number`."""

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("incident_id", String(64), primary_key=True),
    Column("who", String(256), primary_key=True),
    Column("time_ns", BigInteger, nullable=False),
)
