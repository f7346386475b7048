"""Incidents and what people said of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from dhishoom.core.timestamps import from_rfc3339, to_rfc3339
from dhishoom.messages import Json, incident_to_json
from dhishoom.nouns import Incident, Review, Verdict
from dhishoom.web.detections import detection_with_clip
from dhishoom.web.examples import answers
from dhishoom.web.refusals import not_found
from dhishoom.web.resources import JsonAnswer, Resources, Served

router = APIRouter(tags=["incidents"])

TIES_MAX = 32
"""Incidents of one and the same nanosecond that a cursor can step through."""

IncidentId = Annotated[str, Path(max_length=64, description="Sixteen hexadecimal digits; never changes.")]
Before = Annotated[str | None, Query(max_length=80, description="`next` of the page before, or an RFC 3339 time.")]
Since = Annotated[str | None, Query(max_length=40, description="Only at or after this RFC 3339 time.")]


class NewReview(BaseModel):
    """What a person says of an incident. The latest verdict counts; all are kept."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict = Field(description="`unsure` also takes back an earlier verdict.")
    reviewer: str = Field(default="", max_length=80, description="Who says so.")
    note: str = Field(default="", max_length=2000, description="A comment, shown with the incident.")


@router.get("/incidents", summary="Incidents, newest first", responses=answers("incidents"), response_model=None)
def get_incidents(
    served: Served,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Before = None,
    since: Since = None,
) -> Response:
    """Each in its last revision, with its reviews; `next` asks for those before the last."""
    since_ns = from_rfc3339(since) if since else 0
    found = _newest_first(served.store.incidents(**_window(since_ns, before), limit=limit + TIES_MAX))
    found = [incident for incident in found if before is None or _cursor_key(incident) < _parse_cursor(before)]
    shown = found[:limit]
    following = _cursor(shown[-1]) if len(found) > limit else None
    return JsonAnswer({"items": [_with_reviews(incident, served) for incident in shown], "next": following})


@router.get(
    "/incidents/{incident_id}",
    summary="One incident with its history and its sound",
    responses=answers("incident", missing="incident"),
    response_model=None,
)
def get_incident(served: Served, incident_id: IncidentId) -> Response:
    """Its last revision, every revision before it, its reviews, and the detections it rests on with their clips."""
    incident = _existing(served, incident_id)
    history = served.store.incident_history(incident_id)
    detection_ids = sorted({name for shot in incident.shots for name in shot.detection_ids})
    return JsonAnswer(
        {
            **_with_reviews(incident, served),
            "history": [incident_to_json(revision, served.place) for revision in history],
            "detections": [
                detection_with_clip(detection) for detection in served.store.detections_by_id(detection_ids)
            ],
        }
    )


@router.post(
    "/incidents/{incident_id}/review",
    summary="Say whether it was gunfire",
    status_code=201,
    responses=answers("review", status=201, missing="incident"),
    response_model=None,
)
def post_review(served: Served, incident_id: IncidentId, review: NewReview) -> Response:
    """Keep a verdict. Nothing is overwritten: who said what, and when, stays in the history."""
    incident = _existing(served, incident_id)
    said = Review(
        subject_id=incident_id,
        verdict=review.verdict,
        reviewer=review.reviewer.strip(),
        time_ns=time.time_ns(),
        note=review.note.strip(),
    )
    served.store.put_review(said)
    told = _with_reviews(incident, served)
    served.live.publish("incident", told)  # other desks see it without reloading
    return JsonAnswer({"id": incident_id, "review": told["review"], "reviews": told["reviews"]}, status_code=201)


def _existing(served: Resources, incident_id: str) -> Incident:
    incident = served.store.incident(incident_id)
    if incident is None:
        raise not_found("incident", incident_id)
    return incident


def _with_reviews(incident: Incident, served: Resources) -> Json:
    return {**incident_to_json(incident, served.place), **_verdict_of(served.store.reviews(incident.incident_id))}


def _verdict_of(reviews: Sequence[Review]) -> Json:
    """All that people said, oldest first, and the latest verdict."""
    return {
        "review": reviews[-1].verdict if reviews else None,
        "reviews": [
            {"verdict": said.verdict, "reviewer": said.reviewer, "time": to_rfc3339(said.time_ns), "note": said.note}
            for said in reviews
        ],
    }


def _newest_first(incidents: Iterable[Incident]) -> list[Incident]:
    return sorted(incidents, key=_cursor_key, reverse=True)


def _cursor_key(incident: Incident) -> tuple[int, str]:
    return incident.time_ns, incident.incident_id


def _cursor(incident: Incident) -> str:
    return f"{incident.time_ns}.{incident.incident_id}"


def _parse_cursor(text: str) -> tuple[int, str]:
    """(nanoseconds, incident id) of a cursor or of an RFC 3339 time."""
    if ":" in text:
        return from_rfc3339(text), ""
    time_ns, _, incident_id = text.partition(".")
    if not time_ns.isdecimal():
        raise HTTPException(422, f"`before`: {text!r} is neither the `next` of an earlier page nor an RFC 3339 time.")
    return int(time_ns), incident_id


def _window(since_ns: int, before: str | None) -> dict[str, int]:
    """Bounds asked of the store; one nanosecond more than needed, whichever way it takes its upper bound."""
    if before is None:
        return {"since_ns": since_ns}
    return {"since_ns": since_ns, "until_ns": _parse_cursor(before)[0] + 1}
