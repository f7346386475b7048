"""Alerts with their deliveries, and who has acknowledged them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dhishoom.messages import Json
from dhishoom.nouns import Acknowledgement, LetterState, Posted
from dhishoom.service.alert_messages import Letters, acknowledgement_to_json, alert_to_json, alerts_to_json, grouped
from dhishoom.web.examples import answers
from dhishoom.web.incidents import IncidentId
from dhishoom.web.refusals import not_found
from dhishoom.web.resources import JsonAnswer, Served

router = APIRouter(tags=["alerts"])

LETTERS_AN_ALERT = 8
"""Deliveries that are read for each alert asked for."""


class AlertStore(Letters, Protocol):
    """The store's part that keeps alerts."""

    def letters(
        self, *, state: LetterState | None = None, sink: str | None = None, limit: int = 100
    ) -> Sequence[Posted]:
        """Newest first."""

    def put_acknowledgement(self, said: Acknowledgement) -> None:
        """Keep it; the first of a person counts."""


class NewAcknowledgement(BaseModel):
    """Somebody has seen the alert and takes it on: nobody further needs to be told."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(default="", max_length=80, description="Who.")


def _alerts_of(request: Request) -> AlertStore:
    kept: AlertStore = request.app.state.alerts
    return kept


Kept = Annotated[AlertStore, Depends(_alerts_of)]


@router.get("/alerts", summary="Alerts, newest first", responses=answers("alerts"), response_model=None)
def get_alerts(
    kept: Kept,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    state: Annotated[LetterState | None, Query(description="Only with deliveries that are so.")] = None,
    sink: Annotated[str | None, Query(max_length=100, description="Only with deliveries to it.")] = None,
) -> Response:
    """Each with its deliveries (those asked for), their state and why they are in it, and who has acknowledged them."""
    found = grouped(kept.letters(state=state, sink=sink, limit=limit * LETTERS_AN_ALERT))[:limit]
    incident_ids = sorted({letters[0].letter.alert.incident.incident_id for letters in found})
    said = [acknowledgement_to_json(one) for one in kept.acknowledgements(incident_ids)]
    return JsonAnswer({"items": [alert_to_json(letters) for letters in found], "acknowledged": said})


@router.get(
    "/incidents/{incident_id}/alerts",
    summary="Alerts of one incident",
    responses=answers("incident_alerts", missing="incident"),
    response_model=None,
)
def get_alerts_of_incident(served: Served, kept: Kept, incident_id: IncidentId) -> Response:
    """Oldest first, and who has acknowledged it."""
    if served.store.incident(incident_id) is None:
        raise not_found("incident", incident_id)
    return JsonAnswer(alerts_to_json(kept, incident_id))


@router.post(
    "/incidents/{incident_id}/acknowledge",
    summary="Say that somebody takes it on",
    status_code=201,
    responses=answers("incident_alerts", status=201, missing="incident"),
    response_model=None,
)
def post_acknowledgement(served: Served, kept: Kept, incident_id: IncidentId, said: NewAcknowledgement) -> Response:
    """Alerts that only wait to escalate are not sent. The first acknowledgement of a person is kept."""
    if served.store.incident(incident_id) is None:
        raise not_found("incident", incident_id)
    kept.put_acknowledgement(Acknowledgement(incident_id=incident_id, by=said.by.strip(), time_ns=time.time_ns()))
    told: Json = alerts_to_json(kept, incident_id)
    served.live.publish("alerts", told)  # other desks see it without reloading
    return JsonAnswer(told, status_code=201)
