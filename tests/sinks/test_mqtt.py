"""Alerts through a real Mosquitto broker."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dhishoom.errors import SinkError
from dhishoom.messages import local_place
from dhishoom.nouns import Alert
from dhishoom.sinks.mqtt import MqttSink

mqtt = pytest.importorskip("paho.mqtt.client")
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto here: apt-get install mosquitto")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """A broker that knows one user; its port."""
    port, passwords = free_port(), tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "alerts", "secret"], check=True)
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous false", f"password_file {passwords}", "persistence false"]
    (tmp_path / "mosquitto.conf").write_text("\n".join([*lines, "user root", ""]))
    process = subprocess.Popen([str(MOSQUITTO), "-c", str(tmp_path / "mosquitto.conf")], stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert any(b"running" in line for line in process.stderr)
    drain = threading.Thread(target=process.stderr.read)
    drain.start()
    yield port
    process.terminate()
    process.wait(10)
    drain.join()
    process.stderr.close()


def received(port: int, topics: int, act: Any) -> dict[str, Any]:
    """What a subscriber to everything hears while `act` runs, until it has heard `topics` topics."""
    messages: dict[str, Any] = {}
    subscribed, enough = threading.Event(), threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set("alerts", "secret")
    client.on_subscribe = lambda *_: subscribed.set()

    def on_message(_client: Any, _data: Any, message: Any) -> None:
        messages[message.topic] = message.payload
        if len(messages) >= topics:
            enough.set()

    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("#", 1)
    assert subscribed.wait(10)
    act()
    assert enough.wait(10), messages
    client.disconnect()
    client.loop_stop()
    return messages


def test_a_subscriber_hears_alert_event_and_discovery(broker: int, alerts: dict[str, Alert]) -> None:
    """The CloudEvent, the event for automations, the device for Home Assistant and that it is online."""
    sink = MqttSink("127.0.0.1", broker, place=local_place, user="alerts", password="secret", site_name="Harbour")
    messages = received(broker, 4, lambda: sink.deliver(alerts["new"]))
    sink.close()

    assert json.loads(messages["dhishoom/alerts/alert"])["data"]["incident"]["id"] == "00ff00ff00ff00ff"
    assert json.loads(messages["dhishoom/alerts/event"])["event_type"] == "new"
    assert messages["dhishoom/alerts/availability"] == b"online"
    device = json.loads(messages["homeassistant/device/dhishoom_dhishoom_alerts/config"])
    assert device["components"]["gunshot"]["state_topic"] == "dhishoom/alerts/event"


def test_a_wrong_password_is_named(broker: int, alerts: dict[str, Alert]) -> None:
    """The broker's own word is in the message."""
    sink = MqttSink("127.0.0.1", broker, place=local_place, user="alerts", password="guess", timeout_s=2.0)
    with pytest.raises(SinkError, match="password"):
        sink.deliver(alerts["new"])
    sink.close()


def test_a_broker_that_is_down_may_come_back(alerts: dict[str, Alert]) -> None:
    """Nobody listening is a passing fault."""
    sink = MqttSink("127.0.0.1", free_port(), place=local_place, timeout_s=1.0)
    with pytest.raises(SinkError, match="reached") as caught:
        sink.deliver(alerts["new"])
    assert caught.value.retry
    sink.close()
