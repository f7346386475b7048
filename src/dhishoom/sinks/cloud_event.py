"""An alert as a CloudEvents 1.0 event in JSON, as webhooks and MQTT carry it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dhishoom.core.timestamps import to_rfc3339
from dhishoom.messages import Json, Place, incident_to_json

if TYPE_CHECKING:
    from dhishoom.nouns import Alert

ALERT_TYPE = "dhishoom.alert.v1"
HEARTBEAT_TYPE = "dhishoom.heartbeat.v1"


def alert_event(alert: Alert, place: Place) -> Json:
    """The event of one alert; its id is the alert's, so a receiver can drop what it has seen."""
    return {
        "specversion": "1.0",
        "id": alert.alert_id,
        "source": f"/incidents/{alert.incident.incident_id}",
        "type": ALERT_TYPE,
        "time": to_rfc3339(alert.created_ns),
        "datacontenttype": "application/json",
        "data": {
            "kind": alert.kind,
            "status": alert.meant,
            "text": alert.text,
            "link": alert.link,
            "expires": to_rfc3339(alert.expires_ns),
            "incident": incident_to_json(alert.incident, place),
        },
    }


def heartbeat_event(time_ns: int) -> Json:
    """The event that says nothing happened and all is well."""
    return {
        "specversion": "1.0",
        "id": f"heartbeat-{time_ns}",
        "source": "/dhishoom",
        "type": HEARTBEAT_TYPE,
        "time": to_rfc3339(time_ns),
    }


def encode(event: Json) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
