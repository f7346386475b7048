"""The part of the database that keeps alerts until every sink has them, by the same statements everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, select, update

from dhishoom.nouns import Acknowledgement, Alert, Letter, LetterState, Posted, Review
from dhishoom.stores.schema import telling
from dhishoom.stores.tables import acknowledgements, alerts, letters, reviews


class SqlOutbox:
    """Every call is durable when it returns; safe from several threads and processes."""

    _engine: Engine
    _insert: Any

    def put_letters(self, posted: Sequence[Letter]) -> int:
        """Keep those that are not kept yet, whatever became of them; return how many were new."""
        if not posted:
            return 0
        with telling(self._engine), self._engine.begin() as connection:
            return self._post(connection, posted)

    def _post(self, connection: Connection, posted: Sequence[Letter]) -> int:
        added = 0
        for letter in posted:
            connection.execute(self._insert(alerts).values(_alert_row(letter)).on_conflict_do_nothing())
            fresh = self._insert(letters).values(_letter_row(letter)).on_conflict_do_nothing()
            added += len(connection.execute(fresh.returning(letters.c.number)).all())
        return added

    def due_letters(self, sink: str, *, now_ns: int, limit: int) -> Sequence[Posted]:
        """Those whose time has come, in order; of one incident, none before an earlier one that must be tried again."""
        earlier = letters.alias()
        waits = (
            select(earlier.c.number)
            .where(
                earlier.c.sink == letters.c.sink,
                earlier.c.incident_id == letters.c.incident_id,
                earlier.c.state == "queued",
                earlier.c.number < letters.c.number,
                earlier.c.attempts > 0,
                earlier.c.due_ns > now_ns,
            )
            .exists()
        )
        query = _posted().where(letters.c.sink == sink, letters.c.state == "queued", letters.c.due_ns <= now_ns, ~waits)
        return self._read(query.order_by(letters.c.number).limit(limit))

    def attempt_letter(self, posted: Posted, *, due_ns: int, now_ns: int) -> bool:
        """Count an attempt before it is made; False where another process makes it."""
        letter = posted.letter
        changes = {"attempts": posted.attempts + 1, "due_ns": due_ns, "changed_ns": now_ns}
        as_seen = and_(letters.c.attempts == posted.attempts, letters.c.due_ns == letter.due_ns)
        return self._change(letter.sink, letter.alert.alert_id, changes, as_seen)

    def postpone_letter(self, sink: str, alert_id: str, *, due_ns: int, why: str) -> None:
        """The attempt has failed, and why; the next is at `due_ns`."""
        self._change(sink, alert_id, {"due_ns": due_ns, "why": why})

    def settle_letter(self, sink: str, alert_id: str, *, state: LetterState, why: str, now_ns: int) -> None:
        """Close it as `delivered`, `expired`, `dead` or `withdrawn`."""
        self._change(sink, alert_id, {"state": state, "why": why, "changed_ns": now_ns})

    def hasten_letters(self, sink: str, *, now_ns: int) -> None:
        """The other side is back: what waits to be tried again need not wait longer."""
        where = and_(letters.c.sink == sink, letters.c.state == "queued", letters.c.attempts > 0)
        with telling(self._engine), self._engine.begin() as connection:
            connection.execute(update(letters).where(where).values(due_ns=now_ns))

    def retry_letters(self, alert_id: str, *, now_ns: int, expires_ns: int) -> int:
        """Queue again what of an alert is dead or expired; return how many letters."""
        where = and_(letters.c.alert_id == alert_id, letters.c.state.in_(("dead", "expired")))
        fresh = {"state": "queued", "attempts": 0, "due_ns": now_ns, "expires_ns": expires_ns, "changed_ns": now_ns}
        with telling(self._engine), self._engine.begin() as connection:
            return connection.execute(update(letters).where(where).values(fresh)).rowcount

    def letters_of(self, incident_id: str) -> Sequence[Posted]:
        """Every letter about an incident, in the order of their queueing."""
        return self._read(_posted().where(letters.c.incident_id == incident_id).order_by(letters.c.number))

    def letters(
        self, *, state: LetterState | None = None, sink: str | None = None, limit: int = 100
    ) -> Sequence[Posted]:
        """Newest first."""
        query = _posted()
        if state is not None:
            query = query.where(letters.c.state == state)
        if sink is not None:
            query = query.where(letters.c.sink == sink)
        return self._read(query.order_by(letters.c.number.desc()).limit(limit))

    def alerts_between(self, rule: str, since_ns: int, until_ns: int) -> Sequence[Alert]:
        """What a rule decided to tell of incidents of these times, both included."""
        query = (
            select(alerts.c.document)
            .where(alerts.c.rule == rule, alerts.c.time_ns >= since_ns, alerts.c.time_ns <= until_ns)
            .order_by(alerts.c.time_ns, alerts.c.alert_id)
        )
        with telling(self._engine), self._engine.connect() as connection:
            return [_alert_of(document) for document in connection.scalars(query)]

    def put_acknowledgement(self, said: Acknowledgement) -> None:
        """Keep it; the first of a person counts."""
        row = {"incident_id": said.incident_id, "who": said.by, "time_ns": said.time_ns}
        with telling(self._engine), self._engine.begin() as connection:
            connection.execute(self._insert(acknowledgements).values(row).on_conflict_do_nothing())

    def acknowledgements(self, incident_ids: Sequence[str]) -> Sequence[Acknowledgement]:
        """Of these incidents, oldest first."""
        table = acknowledgements.c
        query = select(table.incident_id, table.who.label("by"), table.time_ns).where(
            table.incident_id.in_(list(incident_ids))
        )
        with telling(self._engine), self._engine.connect() as connection:
            return [Acknowledgement(**row._mapping) for row in connection.execute(query.order_by(table.time_ns))]

    def reviews_since(self, time_ns: int) -> Sequence[Review]:
        """What people said at or after it, oldest first."""
        table = reviews.c
        columns = (table.subject_id, table.verdict, table.reviewer, table.time_ns, table.note)
        query = select(*columns).where(table.time_ns >= time_ns).order_by(table.time_ns, table.review_id)
        with telling(self._engine), self._engine.connect() as connection:
            return [Review(**row._mapping) for row in connection.execute(query)]

    def _change(self, sink: str, alert_id: str, changes: dict[str, Any], *as_seen: ColumnElement[bool]) -> bool:
        """What is settled stays as it is; whether anything was changed."""
        where = and_(letters.c.sink == sink, letters.c.alert_id == alert_id, letters.c.state == "queued", *as_seen)
        with telling(self._engine), self._engine.begin() as connection:
            return connection.execute(update(letters).where(where).values(changes)).rowcount == 1

    def _read(self, query: Select[Any]) -> list[Posted]:
        with telling(self._engine), self._engine.connect() as connection:
            return [_posted_of(row) for row in connection.execute(query)]


def _alert_row(letter: Letter) -> dict[str, Any]:
    alert = letter.alert
    return {
        "alert_id": alert.alert_id,
        "rule": letter.rule,
        "incident_id": alert.incident.incident_id,
        "time_ns": alert.incident.time_ns,
        "document": msgspec.json.encode(alert).decode(),
    }


def _letter_row(letter: Letter) -> dict[str, Any]:
    alert = letter.alert
    return {
        "sink": letter.sink,
        "alert_id": alert.alert_id,
        "incident_id": alert.incident.incident_id,
        "state": "queued",
        "due_ns": letter.due_ns,
        "expires_ns": alert.expires_ns,
        "escalates": letter.escalates,
        "attempts": 0,
        "why": "",
        "changed_ns": alert.created_ns,
    }


def _alert_of(document: str) -> Alert:
    return msgspec.json.decode(document, type=Alert)


def _posted() -> Select[Any]:
    return select(letters, alerts.c.rule, alerts.c.document).join(alerts, alerts.c.alert_id == letters.c.alert_id)


def _posted_of(row: Row[Any]) -> Posted:
    letter = Letter(
        sink=row.sink, rule=row.rule, alert=_alert_of(row.document), due_ns=row.due_ns, escalates=row.escalates
    )
    return Posted(
        letter=letter,
        state=row.state,
        attempts=row.attempts,
        expires_ns=row.expires_ns,
        why=row.why,
        changed_ns=row.changed_ns,
    )
