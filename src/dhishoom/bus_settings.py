"""`[bus]`: what carries sound, detections and incidents; docs/scale.md says when one machine's memory is not enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from dhishoom.sections import Section

PARTITIONS_MAX = 10_000
MESSAGE_BYTES_MIN = 100_000
Require = Callable[[bool, str], None]


class BusSettings(Section, frozen=True, kw_only=True):
    """`[bus]`.

    Attributes:
        kind: `memory`, within one process; `kafka`, shared by any number of processes; `mqtt`, sensors that speak it.
        servers: `host:port`, for Kafka several with commas between.
        user, password, mechanism: Credentials; the mechanism is Kafka's.
        tls: Speak TLS.
        authority: A PEM file of who signed the certificates; empty: the system's.
        group: Processes of one group share the sensors.
        create_topics: Make Kafka topics that are missing.
        partitions, replicas, retention_hours: Of the topics that are made.
        message_bytes_max: The largest message; Kafka's topics must take as much.
        topic_prefix: Before every topic's name, where several cities share the brokers.
    """

    kind: Literal["memory", "kafka", "mqtt"] = "memory"
    servers: str = ""
    user: str = ""
    password: str = ""
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    tls: bool = False
    authority: str = ""
    group: str = "dhishoom"
    create_topics: bool = True
    partitions: int = 12
    replicas: int = 1
    retention_hours: float = 24.0
    message_bytes_max: int = 4 << 20
    topic_prefix: str = ""


class BridgeSettings(Section, frozen=True, kw_only=True):
    """`[bridge]`: the MQTT broker whose sound `dhishoom bridge` takes to the Kafka of `[bus]`.

    Attributes:
        servers, user, password, tls, authority: Of that broker, as in `[bus]`.
        name: The broker keeps for it what comes while it is away.
    """

    servers: str = ""
    user: str = ""
    password: str = ""
    tls: bool = False
    authority: str = ""
    name: str = "dhishoom-bridge"


def check_bus(bus: BusSettings, require: Require) -> None:
    """Complain of what cannot be."""
    require(bus.kind == "memory" or bool(bus.servers), f'bus.kind is "{bus.kind}" without bus.servers; give host:port.')
    require(
        bus.kind != "memory" or not bus.servers, 'bus.servers is given, but not bus.kind: set it to "kafka" or "mqtt".'
    )
    require(not bus.password or bool(bus.user), "bus.password is given without bus.user; name the user.")
    require(1 <= bus.partitions <= PARTITIONS_MAX, f"bus.partitions {bus.partitions} is not 1 to {PARTITIONS_MAX}.")
    require(1 <= bus.replicas <= 9, f"bus.replicas {bus.replicas} is not 1 to 9.")
    require(bus.retention_hours > 0, "bus.retention_hours must be above 0.")
    require(bus.message_bytes_max >= MESSAGE_BYTES_MIN, f"bus.message_bytes_max must be at least {MESSAGE_BYTES_MIN}.")
    require(bool(bus.group), "bus.group is empty; name it.")
