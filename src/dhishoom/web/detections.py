"""Detections, rejections included, and the sound that was kept of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from dhishoom.core.timestamps import from_rfc3339
from dhishoom.messages import Json, detection_to_json
from dhishoom.nouns import GUNSHOT, Detection
from dhishoom.web.byte_range import partial_answer
from dhishoom.web.examples import answers
from dhishoom.web.refusals import not_found
from dhishoom.web.resources import JsonAnswer, Served

router = APIRouter(tags=["detections"])

REJECTED_SCAN_MAX = 5000
"""Detections looked through for rejections; gunshots among them are left out."""

Label = Annotated[list[str] | None, Query(max_length=20, description="Only these labels; may be given several times.")]
Rejected = Annotated[bool | None, Query(description="true: only what was not taken for gunfire; false: only gunfire.")]


@router.get("/detections", summary="What was heard, newest first", responses=answers("detections"), response_model=None)
def get_detections(
    served: Served,
    label: Label = None,
    rejected: Rejected = None,
    since: Annotated[str | None, Query(max_length=40, description="Only at or after this RFC 3339 time.")] = None,
    sensor: Annotated[str | None, Query(max_length=80, description="Only of this sensor.")] = None,
    limit: Annotated[int, Query(ge=1, le=2000)] = 200,
) -> Response:
    """Every impulsive sound, whatever it was taken for."""
    found = served.store.detections(
        since_ns=from_rfc3339(since) if since else 0,
        sensor_id=sensor,
        labels=[GUNSHOT] if rejected is False else label,
        limit=REJECTED_SCAN_MAX if rejected else limit,
    )
    shown = [detection for detection in found if not (rejected and detection.is_gunshot)]
    return JsonAnswer({"items": [detection_with_clip(detection) for detection in shown[:limit]]})


@router.get(
    "/detections/{detection_id}/clip",
    summary="Its sound as FLAC",
    responses={200: {"content": {"audio/flac": {}}, "description": "FLAC; `Range` is honoured."}},
    response_class=Response,
)
def get_clip(
    served: Served,
    detection_id: Annotated[str, Path(max_length=64)],
    range_header: Annotated[str | None, Header(alias="Range", max_length=200)] = None,
) -> Response:
    """The shot with a second on either side, as far as the retention rules kept it."""
    found = served.store.detections_by_id([detection_id])
    if not found:
        raise not_found("detection", detection_id)
    if found[0].clip is None:
        raise not_found("clip of detection", detection_id)
    return partial_answer(served.store.read_clip(found[0].clip), "audio/flac", range_header)


def detection_with_clip(detection: Detection) -> Json:
    """A detection line with `clip_url`, where its sound can be fetched; None where none was kept."""
    url = f"/api/v1/detections/{detection.detection_id}/clip" if detection.clip else None
    return {**detection_to_json(detection), "clip_url": url}
