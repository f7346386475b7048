"""Sound of sensors that speak MQTT reaches Kafka whole, in order, whoever dies between."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from tools.parts.mosquitto import PASSWORDS
from tools.parts.running import eventually

from dhishoom.seams import AUDIO_TOPIC, DEAD_TOPIC
from dhishoom.service.bridge import Bridge

pytest.importorskip("confluent_kafka")
pytest.importorskip("paho.mqtt.client")
pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("city")]


def test_sound_is_carried_whole_and_in_order(kafka: Any, mosquitto: Any, fresh: str) -> None:
    """Headers and all; what is too large goes to the dead letters; a bridge that stops is followed by another."""
    from dhishoom.buses.kafka import KafkaBus
    from dhishoom.buses.kafka_link import KafkaLink
    from dhishoom.buses.kafka_reader import KafkaReader
    from dhishoom.buses.mqtt import MqttBus

    link = KafkaLink(servers=kafka.servers, partitions=3, message_bytes_max=200_000, topic_prefix=f"{fresh}.")

    def mqtt(name: str) -> Any:
        return MqttBus("127.0.0.1", mosquitto.port, name=name, user="bridge", password=PASSWORDS["bridge"])

    def bridge() -> tuple[Bridge, threading.Thread]:
        made = Bridge(lambda: mqtt(f"{fresh}-bridge"), lambda: KafkaBus(link, group=fresh))
        thread = threading.Thread(target=made.run, daemon=True)
        thread.start()
        return made, thread

    def everything(topic: str) -> list[Any]:
        reader = KafkaReader(link, topic, "earliest")
        came: list[Any] = []
        while not reader.is_at_end():
            came += reader.poll(messages_max=500, wait_s=0.5)
        reader.close()
        return came

    mqtt(f"{fresh}-bridge").close()  # the broker knows it, and keeps what comes
    sensors, names = mqtt(f"{fresh}-sensors"), [f"{fresh}-{number}" for number in range(4)]
    first, first_thread = bridge()
    for number in range(120):
        sensors.publish(AUDIO_TOPIC, names[number % 4], str(number).encode(), {"ce_sequence": str(number)})
        if number == 60:
            eventually(lambda: first.carried > 0, "something is carried")
            first.stop()
            first_thread.join(30.0)
    sensors.publish(AUDIO_TOPIC, names[0], bytes(300_000), {})
    second, second_thread = bridge()
    eventually(lambda: first.carried + second.carried >= 121, "all is carried")
    second.stop()
    second_thread.join(30.0)

    mine = [one for one in everything(AUDIO_TOPIC) if one.key in names]
    for name in names:
        numbers = list(dict.fromkeys(int(one.value) for one in mine if one.key == name))
        assert numbers == sorted(numbers)
        assert len(numbers) == 30
    assert all(one.headers["ce_sequence"] == one.value.decode() for one in mine)
    assert "larger than" in next(one for one in everything(DEAD_TOPIC) if one.key in names).headers["dhishoom_reason"]
    assert time.time_ns() > mine[0].timestamp_ns > 0
    sensors.close()
