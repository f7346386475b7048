"""What is particular to MQTT: addresses, who may, sessions that outlast their connection."""

from __future__ import annotations

from typing import Any

import pytest
from tools.parts.running import eventually, free_port

from dhishoom.errors import BusError
from dhishoom.seams import AUDIO_TOPIC

pytest.importorskip("paho.mqtt.client")
pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("city")]

WAIT_S = 30.0


def bus(broker: Any, name: str, *, user: str = "bridge", password: str | None = None, **changes: Any) -> Any:
    """A client of the broker."""
    from tools.parts.mosquitto import PASSWORDS

    from dhishoom.buses.mqtt import MqttBus

    secret = PASSWORDS[user] if password is None else password
    return MqttBus("127.0.0.1", broker.port, name=name, user=user, password=secret, **changes)


def test_sound_of_a_sensor_has_its_own_address(mosquitto: Any, fresh: str) -> None:
    """`dhishoom/SENSOR/audio`, as a sensor that knows nothing of us publishes it; user properties are headers."""
    import paho.mqtt.client as mqtt
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    from tools.parts.mosquitto import PASSWORDS

    made = bus(mosquitto, fresh)
    sensor = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    sensor.username_pw_set("sensor", PASSWORDS["sensor"])
    sensor.connect("127.0.0.1", mosquitto.port)
    sensor.loop_start()
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("ce_samplerate", "12000")]
    sensor.publish(f"dhishoom/{fresh}/audio", b"sound", 1, properties=properties).wait_for_publish(WAIT_S)

    (delivery,) = made.poll(AUDIO_TOPIC, messages_max=9, wait_s=WAIT_S)

    assert (delivery.key, delivery.value, dict(delivery.headers)) == (fresh, b"sound", {"ce_samplerate": "12000"})
    made.acknowledge([delivery])
    sensor.disconnect()
    sensor.loop_stop()
    made.close()


def test_a_wrong_password_is_one_clear_error(mosquitto: Any, fresh: str) -> None:
    """At the start."""
    with pytest.raises(BusError, match=r"refuses the user 'bridge'.*bus\.password"):
        bus(mosquitto, fresh, password="wrong")


def test_a_broker_that_is_away_is_one_clear_error(fresh: str) -> None:
    """Nobody listens there."""
    from dhishoom.buses.mqtt import MqttBus

    with pytest.raises(BusError, match=r"cannot be reached.*bus\.servers"):
        MqttBus("127.0.0.1", free_port(), name=fresh)


def test_a_message_that_is_too_large_is_refused_before_it_is_sent(mosquitto: Any, fresh: str) -> None:
    """And the next one passes."""
    made = bus(mosquitto, fresh, message_bytes_max=1000, topics=(f"dhishoom.{fresh}",))
    with pytest.raises(BusError, match="at most 1000"):
        made.publish(f"dhishoom.{fresh}", "k", bytes(1001), {})

    made.publish(f"dhishoom.{fresh}", "k", bytes(1000), {})

    assert len(made.poll(f"dhishoom.{fresh}", messages_max=9, wait_s=WAIT_S)) == 1
    made.close()


def test_what_comes_while_nobody_listens_is_kept(mosquitto: Any, fresh: str) -> None:
    """The broker knows the name."""
    topic = f"dhishoom.{fresh}"
    bus(mosquitto, fresh, topics=(topic,)).close()
    sender = bus(mosquitto, f"{fresh}-sender", topics=())
    for number in range(20):
        sender.publish(topic, "s1", str(number).encode(), {})
    sender.close()

    back = bus(mosquitto, fresh, topics=(topic,))
    eventually(lambda: back.lag(topic) == 20, "all are here")

    assert [int(one.value) for one in back.poll(topic, messages_max=99, wait_s=WAIT_S)] == list(range(20))
    back.close()


def test_a_topic_nobody_asked_for_is_refused(mosquitto: Any, fresh: str) -> None:
    """MQTT keeps nothing for those who did not subscribe."""
    made = bus(mosquitto, fresh)
    with pytest.raises(BusError, match="not asked for"):
        made.poll("dhishoom.other", messages_max=1, wait_s=0.0)
    made.close()
