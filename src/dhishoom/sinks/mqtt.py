"""Alerts over MQTT 5, announced to Home Assistant by its device discovery."""

from __future__ import annotations

import json
import ssl
import threading
from typing import TYPE_CHECKING, Any

from dhishoom.errors import SettingsError, SinkError
from dhishoom.sinks.addresses import trust
from dhishoom.sinks.cloud_event import alert_event, encode

if TYPE_CHECKING:
    from dhishoom.messages import Json, Place
    from dhishoom.nouns import Alert

QOS_AT_LEAST_ONCE = 1
RECONNECT_S_MAX = 10


def discovery_message(prefix: str, site_name: str) -> Json:
    """What Home Assistant reads to show the site as one device with an event and a place.

    Source: Home Assistant's documentation of the MQTT integration, "Device discovery payload".
    """
    device_id = f"dhishoom_{prefix.replace('/', '_')}"
    return {
        "device": {"identifiers": [device_id], "name": f"dhishoom {site_name}", "manufacturer": "dhishoom"},
        "origin": {"name": "dhishoom"},
        "availability_topic": f"{prefix}/availability",
        "components": {
            "gunshot": {
                "platform": "event",
                "unique_id": f"{device_id}_gunshot",
                "name": "Gunshot",
                "state_topic": f"{prefix}/event",
                "event_types": ["new", "update", "cancel"],
            },
            "last_alert": {
                "platform": "sensor",
                "unique_id": f"{device_id}_last_alert",
                "name": "Last alert",
                "state_topic": f"{prefix}/alert",
                "value_template": "{{ value_json.data.text[:250] }}",
                "json_attributes_topic": f"{prefix}/alert",
            },
        },
    }


class MqttSink:
    """Publishes each alert as a CloudEvent to `PREFIX/alert` and its kind to `PREFIX/event`, at least once.

    Args:
        host, port: The broker.
        user, password: Credentials; the password comes from the environment.
        prefix: Topics begin with it.
        site_name: For the device that Home Assistant shows.
        tls: Speak TLS.
        authority: A PEM file of whom TLS trusts; empty: the system's.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        place: Place,
        prefix: str = "dhishoom/alerts",
        site_name: str = "site",
        user: str = "",
        password: str = "",
        tls: bool = False,
        authority: str = "",
        timeout_s: float = 5.0,
    ) -> None:
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._prefix, self._place, self._site_name = prefix, place, site_name
        self._refused = ""
        self._connected = threading.Event()
        self._client = self._make_client(user, password, trust(authority) if tls else None)
        self._started = False

    def deliver(self, alert: Alert) -> str:
        """Publish; returns once the broker has confirmed."""
        self._ensure_connected()
        self._publish(f"{self._prefix}/alert", encode(alert_event(alert, self._place)))
        happened = {"event_type": alert.kind, "id": alert.alert_id, "text": alert.text, "rounds": alert.incident.rounds}
        happened["status"] = alert.meant
        self._publish(f"{self._prefix}/event", json.dumps(happened).encode())
        return "confirmed by the broker"

    def close(self) -> None:
        """Say that the site is gone and leave."""
        if self._connected.is_set():
            self._client.publish(f"{self._prefix}/availability", b"offline", QOS_AT_LEAST_ONCE, retain=True)
        self._client.disconnect()
        self._client.loop_stop()

    def _make_client(self, user: str, password: str, tls: ssl.SSLContext | None) -> Any:
        try:
            import paho.mqtt.client as mqtt
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise SettingsError("MQTT needs a library that is not installed: pip install 'dhishoom[mqtt]'.") from error
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.on_connect = self._on_connect
        client.on_disconnect = lambda *_: self._connected.clear()
        client.will_set(f"{self._prefix}/availability", b"offline", QOS_AT_LEAST_ONCE, retain=True)
        if user:
            client.username_pw_set(user, password)
        if tls is not None:
            client.tls_set_context(tls)
        client.connect_timeout = self._timeout_s
        client.reconnect_delay_set(1, RECONNECT_S_MAX)
        return client

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._refused = str(reason)
            return
        self._refused = ""
        discovery = json.dumps(discovery_message(self._prefix, self._site_name)).encode()
        topic = f"homeassistant/device/dhishoom_{self._prefix.replace('/', '_')}/config"
        client.publish(topic, discovery, QOS_AT_LEAST_ONCE, retain=True)
        client.publish(f"{self._prefix}/availability", b"online", QOS_AT_LEAST_ONCE, retain=True)
        self._connected.set()

    def _ensure_connected(self) -> None:
        if not self._started:
            try:
                self._client.connect(self._host, self._port)
            except (OSError, ValueError) as error:
                raise SinkError(f"The MQTT broker {self._host}:{self._port} cannot be reached: {error}.") from error
            self._client.loop_start()
            self._started = True
        if not self._connected.wait(self._timeout_s):
            why = f"it said {self._refused}; check user and password" if self._refused else "no answer; is it up?"
            raise SinkError(f"The MQTT broker {self._host}:{self._port} takes no alert: {why}.")

    def _publish(self, topic: str, payload: bytes) -> None:
        receipt = self._client.publish(topic, payload, QOS_AT_LEAST_ONCE)
        try:
            receipt.wait_for_publish(self._timeout_s)
        except (ValueError, RuntimeError) as error:
            raise SinkError(f"The MQTT broker {self._host}:{self._port} lost the alert: {error}.") from error
        if not receipt.is_published():
            raise SinkError(f"The MQTT broker {self._host}:{self._port} did not confirm within {self._timeout_s:g} s.")
