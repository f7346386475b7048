"""The store in a database: SQLite on one machine, PostgreSQL in a city, by the same statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Select, Table, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dhishoom.nouns import Chunk, Detection, Incident, Letter, Origin, Review, Verdict
from dhishoom.stores.clips import FREE_BYTES_MIN, ClipFolder, KeptClip
from dhishoom.stores.outbox import SqlOutbox
from dhishoom.stores.rows import (
    RowOf,
    clip_row,
    detection_of,
    detection_row,
    incident_of,
    incident_row,
    membership_rows,
    review_row,
    revision_row,
)
from dhishoom.stores.schema import open_database, telling
from dhishoom.stores.tables import clips, incident_detections, incident_revisions, reviews
from dhishoom.stores.tables import detections as detections_table
from dhishoom.stores.tables import incidents as incidents_table
from dhishoom.stores.tables import origin as origin_table

if TYPE_CHECKING:
    from dhishoom.stores.remote_clips import Clips

AT_ONCE = 500
"""Rows or keys in one statement; databases limit its parameters."""
END_OF_TIME_NS = 2**63 - 1
LOCAL = "file://"
T = TypeVar("T")


class SqlStore(SqlOutbox):
    """Rows in a database, clips in a folder; safe from several threads.

    Args:
        url: As SQLAlchemy writes it, such as `sqlite:///dhishoom-data/dhishoom.db`.
        clips_at: Folder of the clips, made where it is not there; or an address such as s3://bucket/clips.
        free_bytes_min: Clips stop, with an error that says so, before the disk has less than this left.
    """

    def __init__(self, url: str, clips_at: Path | str, *, free_bytes_min: int = FREE_BYTES_MIN) -> None:
        self._engine = open_database(url)
        self._clips = _open_clips(clips_at, free_bytes_min)
        self._insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert

    def keep_clip(self, chunk: Chunk) -> str:
        """The file first, then its row; what a crash leaves between the two is mended by `adopt_clips`."""
        kept = self._clips.keep(chunk)
        with telling(self._engine), self._engine.begin() as connection:
            self._add(connection, clips, [clip_row(chunk.sensor_id, kept)])
        return kept.clip

    def put_detections(self, detections: Sequence[Detection]) -> int:
        """Insert those not yet there, all or none."""
        with telling(self._engine), self._engine.begin() as connection:
            return self._add(connection, detections_table, [detection_row(one) for one in detections])

    def put_incidents(self, incidents: Sequence[Incident], letters: Sequence[Letter] = ()) -> None:
        """Revisions, memberships, last states and the letters about them together, all or none."""
        if not incidents:
            return
        with telling(self._engine), self._engine.begin() as connection:
            self._add(connection, incident_revisions, [revision_row(one) for one in incidents])
            self._add(connection, incident_detections, [row for one in incidents for row in membership_rows(one)])
            for incident in incidents:
                self._replace_lower(connection, incident)
            self._post(connection, letters)

    def _replace_lower(self, connection: Connection, incident: Incident) -> None:
        statement = self._insert(incidents_table).values(incident_row(incident))
        told = statement.excluded
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["incident_id"],
                set_={name: told[name] for name in ("revision", "time_ns", "document")},
                where=incidents_table.c.revision < told.revision,
            )
        )

    def put_review(self, review: Review) -> None:
        """Keep it; the same review again changes nothing."""
        with telling(self._engine), self._engine.begin() as connection:
            self._add(connection, reviews, [review_row(review)])

    def detections(
        self,
        *,
        since_ns: int = 0,
        until_ns: int | None = None,
        sensor_id: str | None = None,
        labels: Sequence[str] | None = None,
        limit: int = 1000,
    ) -> Sequence[Detection]:
        """Newest first; `until_ns` itself excluded."""
        table = detections_table.c
        query = select(detections_table).where(
            table.onset_ns >= since_ns, table.onset_ns < (until_ns or END_OF_TIME_NS)
        )
        if sensor_id is not None:
            query = query.where(table.sensor_id == sensor_id)
        if labels is not None:
            query = query.where(table.label.in_(list(labels)))
        with telling(self._engine), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(table.onset_ns.desc(), table.detection_id.desc()).limit(limit))
            return [detection_of(row) for row in rows]

    def detections_by_id(self, detection_ids: Sequence[str]) -> Sequence[Detection]:
        """Those that exist, in order of onset."""
        found: list[Detection] = []
        with telling(self._engine), self._engine.connect() as connection:
            for names in _pieces(sorted(set(detection_ids))):
                query = select(detections_table).where(detections_table.c.detection_id.in_(names))
                found += [detection_of(row) for row in connection.execute(query)]
        return sorted(found, key=lambda one: (one.onset_ns, one.detection_id))

    def incidents(self, *, since_ns: int = 0, until_ns: int | None = None, limit: int = 100) -> Sequence[Incident]:
        """In their last revision, newest first; `until_ns` itself excluded."""
        table = incidents_table.c
        query = (
            select(table.document)
            .where(table.time_ns >= since_ns, table.time_ns < (until_ns or END_OF_TIME_NS))
            .order_by(table.time_ns.desc(), table.incident_id.desc())
            .limit(limit)
        )
        with telling(self._engine), self._engine.connect() as connection:
            return [incident_of(document) for document in connection.scalars(query)]

    def incident(self, incident_id: str) -> Incident | None:
        """Its last revision."""
        query = select(incidents_table.c.document).where(incidents_table.c.incident_id == incident_id)
        with telling(self._engine), self._engine.connect() as connection:
            document = connection.scalar(query)
        return None if document is None else incident_of(document)

    def incident_history(self, incident_id: str) -> Sequence[Incident]:
        """Every revision, the first first."""
        table = incident_revisions.c
        query = select(table.document).where(table.incident_id == incident_id).order_by(table.revision)
        with telling(self._engine), self._engine.connect() as connection:
            return [incident_of(document) for document in connection.scalars(query)]

    def reviews(self, subject_id: str | None = None) -> Sequence[Review]:
        """Oldest first."""
        query = select(*(column for column in reviews.c if column.name != "review_id"))
        if subject_id is not None:
            query = query.where(reviews.c.subject_id == subject_id)
        with telling(self._engine), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(reviews.c.time_ns, reviews.c.review_id))
            return [Review(**row._mapping) for row in rows]

    def origin(self) -> Origin | None:
        """Where the metres of its incidents have their zero; None: local metres, or nothing kept yet."""
        table = origin_table.c
        with telling(self._engine), self._engine.connect() as connection:
            row = connection.execute(select(table.lat, table.lon, table.altitude_m)).first()
        return None if row is None else Origin(**row._mapping)

    def put_origin(self, origin: Origin) -> None:
        """Keep the first one; sensors may come and go, but what was located stays where it was."""
        row = {"row": 1, "lat": origin.lat, "lon": origin.lon, "altitude_m": origin.altitude_m}
        with telling(self._engine), self._engine.begin() as connection:
            self._add(connection, origin_table, [row])

    def read_clip(self, clip: str) -> bytes:
        """A kept clip as FLAC."""
        return self._clips.read(clip)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def adopt_clips(self) -> int:
        """Enter files that have no row, as a crash leaves them; return how many there were."""
        found = [clip_row(sensor_id, kept) for sensor_id, kept in self._clips.clips()]
        with telling(self._engine), self._engine.begin() as connection:
            return self._add(connection, clips, found)

    def clip_bytes(self) -> int:
        """Of all clips together."""
        with telling(self._engine), self._engine.connect() as connection:
            return int(connection.scalar(select(func.coalesce(func.sum(clips.c.bytes), 0))) or 0)

    def free_bytes(self) -> int:
        """Free on the disk beyond what is never used."""
        return self._clips.free_bytes()

    def removable_clips(self, *, limit: int) -> Sequence[KeptClip]:
        """Clips of no confirmed incident: those nobody has reviewed first, each kind oldest first."""
        protected, reviewed = self._clips_with("confirmed"), self._clips_with(None)
        table = clips.c
        query = (
            select(table.clip, table.start_ns, table.bytes)
            .where(table.clip.not_in(protected))
            .order_by(table.clip.in_(reviewed), table.start_ns, table.clip)
            .limit(limit)
        )
        with telling(self._engine), self._engine.connect() as connection:
            return [KeptClip(*row) for row in connection.execute(query)]

    def remove_clip(self, clip: str) -> None:
        """Detections lose their clip first, so that none points to a file that is gone."""
        with telling(self._engine), self._engine.begin() as connection:
            connection.execute(update(detections_table).where(detections_table.c.clip == clip).values(clip=None))
        self._clips.remove(clip)
        with telling(self._engine), self._engine.begin() as connection:
            connection.execute(clips.delete().where(clips.c.clip == clip))

    def _clips_with(self, verdict: Verdict | None) -> Select[Any]:
        """Clips of detections that were reviewed, themselves or in an incident; where a verdict is given, last so."""
        later = reviews.alias()
        last = (
            ~select(later.c.review_id)
            .where(
                later.c.subject_id == reviews.c.subject_id,
                or_(
                    later.c.time_ns > reviews.c.time_ns,
                    (later.c.time_ns == reviews.c.time_ns) & (later.c.review_id > reviews.c.review_id),
                ),
            )
            .exists()
        )
        subjects = select(reviews.c.subject_id).where(last)
        if verdict is not None:
            subjects = subjects.where(reviews.c.verdict == verdict)
        members = select(incident_detections.c.detection_id).where(incident_detections.c.incident_id.in_(subjects))
        table = detections_table.c
        return select(table.clip).where(
            table.clip.is_not(None), or_(table.detection_id.in_(members), table.detection_id.in_(subjects))
        )

    def _add(self, connection: Connection, table: Table, rows: Sequence[RowOf]) -> int:
        """Insert rows whose keys are not there; return how many."""
        added = 0
        for some in _pieces(rows):
            new = self._insert(table).values(some).on_conflict_do_nothing().returning(*table.primary_key)
            added += len(connection.execute(new).all())
        return added


def _open_clips(where: Path | str, free_bytes_min: int) -> Clips:
    if "://" in str(where) and not str(where).startswith(LOCAL):
        from dhishoom.stores.remote_clips import RemoteClips

        return RemoteClips(str(where))
    return ClipFolder(Path(str(where).removeprefix(LOCAL)), free_bytes_min=free_bytes_min)


def _pieces(items: Sequence[T]) -> Iterator[list[T]]:
    for at in range(0, len(items), AT_ONCE):
        yield list(items[at : at + AT_ONCE])
