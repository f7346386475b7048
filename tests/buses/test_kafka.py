"""What is particular to Kafka: who may, what is too large, what is missing; each a sentence that says what mends it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.parts.running import Missing, free_port

from dhishoom.errors import BusError, BusFull

pytest.importorskip("confluent_kafka")
pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("city")]

WAIT_S = 30.0
TOPICS = 15


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A broker that speaks TLS, knows users and what they may, and its authority's file."""
    from tools.parts.certificates import Authority
    from tools.parts.kafka import Kafka

    folder = tmp_path_factory.mktemp("secured")
    authority = Authority(folder)
    try:
        broker = Kafka(folder / "broker", server_pem=authority.server("server"), authority=authority.path).start()
    except Missing as why:
        pytest.skip(str(why))
    yield broker, authority
    broker.stop()


def link(servers: str, **changes: Any) -> Any:
    """How to reach a broker."""
    from dhishoom.buses.kafka_link import KafkaLink

    return KafkaLink(servers=servers, **changes)


def bus(servers: str, *, patient: bool = False, messages_max: int = 100, **changes: Any) -> Any:
    """A bus to it."""
    from dhishoom.buses.kafka import KafkaBus

    return KafkaBus(link(servers, **changes), group="g", patient=patient, messages_max=messages_max)


def as_user(secured: Any, user: str, password: str | None = None, **changes: Any) -> Any:
    """A bus of a user of the secured broker."""
    from tools.parts.kafka import PASSWORDS

    broker, authority = secured
    secret = PASSWORDS[user] if password is None else password
    changes = {"tls": True, "authority": str(authority.path), **changes}
    return bus(broker.servers, user=user, password=secret, **changes)


def first_seen(reader: Any) -> list[bytes]:
    """What it gives first; it holds a message back while another partition may have an older one."""
    until_s = time.monotonic() + WAIT_S
    while not (came := reader.poll(messages_max=50, wait_s=1.0)) and time.monotonic() < until_s:
        pass
    return [one.value for one in came]


def test_a_user_with_the_right_password_is_served_over_tls(secured: Any, fresh: str) -> None:
    """Published, polled, acknowledged."""
    made = as_user(secured, "ingest")
    made.publish(fresh, "s1", b"sound", {})

    (delivery,) = made.poll(fresh, messages_max=1, wait_s=WAIT_S)
    made.acknowledge([delivery])

    assert delivery.value == b"sound"
    made.close()


def test_a_wrong_password_is_one_clear_error(secured: Any) -> None:
    """At the start, also for a patient bus: waiting does not mend it."""
    with pytest.raises(BusError, match=r"refuses the user 'ingest'.*bus\.password"):
        as_user(secured, "ingest", "wrong")
    with pytest.raises(BusError, match="refuses the user"):
        as_user(secured, "ingest", "wrong", patient=True).publish("t", "k", b"", {})


def test_a_user_without_rights_is_told_so(secured: Any) -> None:
    """The password is right; the access rules are not."""
    made = as_user(secured, "nobody")
    with pytest.raises(BusError, match="kafka-acls"):
        made.publish("dhishoom.audio", "k", b"", {})


def test_a_certificate_of_an_unknown_authority_is_refused(secured: Any, tmp_path: Path) -> None:
    """Whoever signed it, it was nobody we trust."""
    from tools.parts.certificates import Authority

    with pytest.raises(BusError, match=r"cannot be trusted.*bus\.authority"):
        as_user(secured, "ingest", authority=str(Authority(tmp_path, "other").path))


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    """A server whose certificate ended yesterday."""
    from tools.parts.certificates import Authority, tls_server

    authority = Authority(tmp_path)
    with (
        tls_server(authority.server("old", days=-1)) as port,
        pytest.raises(BusError, match=r"cannot be trusted.*expired"),
    ):
        bus(f"127.0.0.1:{port}", tls=True, authority=str(authority.path))


def test_a_broker_that_is_away_is_one_clear_error() -> None:
    """Nobody listens there."""
    with pytest.raises(BusError, match=r"cannot be reached.*bus\.servers"):
        bus(f"127.0.0.1:{free_port()}")


def test_a_patient_bus_waits_for_a_broker_that_is_away() -> None:
    """A sensor that starts before its broker takes messages, up to its bound."""
    made = bus(f"127.0.0.1:{free_port()}", patient=True, messages_max=2)
    made.publish("dhishoom.audio", "s1", b"a", {})
    made.publish("dhishoom.audio", "s1", b"b", {})

    with pytest.raises(BusFull, match="too slow or away"):
        made.publish("dhishoom.audio", "s1", b"c", {})

    with pytest.raises(BusError, match="cannot be reached"):
        made.lag("dhishoom.audio")
    made.abandon()


def test_a_missing_topic_is_named_where_none_may_be_made(kafka: Any, fresh: str) -> None:
    """To publish and to poll."""
    made = bus(kafka.servers, create_topics=False)

    with pytest.raises(BusError, match=f"no topic {fresh}.*kafka-topics"):
        made.publish(fresh, "k", b"", {})
    with pytest.raises(BusError, match=f"no topic {fresh}"):
        made.poll(fresh, messages_max=1, wait_s=0.0)
    made.close()


def test_a_topic_is_made_with_partitions_retention_and_size(kafka: Any, fresh: str) -> None:
    """Sound is shared out over partitions; incidents are compacted."""
    from confluent_kafka.admin import ConfigResource

    from dhishoom.buses.kafka_link import KafkaAdmin

    admin = KafkaAdmin(link(kafka.servers, partitions=5, retention_s=7200.0, message_bytes_max=1 << 20))
    sound, incidents = f"{fresh}.audio", f"{fresh}.dhishoom.incidents"

    assert (admin.ensure(sound), admin.ensure(incidents)) == (5, 1)

    asked = [ConfigResource(ConfigResource.Type.TOPIC, one) for one in (sound, incidents)]
    limits, compacted = (future.result(WAIT_S) for future in admin._client.describe_configs(asked).values())
    assert limits["retention.ms"].value == "7200000"
    assert int(limits["max.message.bytes"].value) > 1 << 20
    assert compacted["cleanup.policy"].value == "compact"


def test_a_topic_that_takes_less_than_may_be_sent_is_told_at_the_start(kafka: Any, fresh: str) -> None:
    """Not when the first large message is lost."""
    bus(kafka.servers, message_bytes_max=100_000).publish(fresh, "k", b"", {})

    with pytest.raises(BusError, match=r"at most 104096 bytes.*max\.message\.bytes"):
        bus(kafka.servers, message_bytes_max=1 << 20).publish(fresh, "k", b"", {})


def test_a_message_of_fifty_megabytes_is_refused_and_the_stream_goes_on(kafka: Any, fresh: str) -> None:
    """Before it is sent."""
    made = bus(kafka.servers, message_bytes_max=1 << 20)
    with pytest.raises(BusError, match=r"larger than bus\.message_bytes_max"):
        made.publish(fresh, "s1", bytes(50_000_000), {})

    made.publish(fresh, "s1", b"next", {})

    assert [one.value for one in made.poll(fresh, messages_max=9, wait_s=WAIT_S)] == [b"next"]
    made.close()


def test_keys_stay_in_one_partition_and_members_share_them_out(kafka: Any, fresh: str) -> None:
    """Two members of a group get different sensors; when one leaves, the other gets all, each message in its order."""
    from dhishoom.buses.kafka import KafkaBus

    topic = f"{fresh}.audio"
    members = [KafkaBus(link(kafka.servers, partitions=6), group=fresh) for _ in range(2)]
    owned: list[set[int]] = [set(), set()]
    for member, mine in zip(members, owned, strict=True):
        member.watch(topic, lambda at, *_, mine=mine: mine.add(at), mine.discard)
    while not (owned[0] and owned[1] and len(owned[0] | owned[1]) == 6):
        for member in members:
            assert list(member.poll(topic, messages_max=9, wait_s=0.05)) == []
    for number in range(60):
        members[0].publish(topic, f"s{number % 12}", str(number).encode(), {})
    came: list[Any] = []
    while len(came) < 60:
        for at, member in enumerate(members):
            fresh_ones = member.poll(topic, messages_max=9, wait_s=0.05)
            assert {one.partition for one in fresh_ones} <= owned[at]
            member.acknowledge(fresh_ones)
            came += fresh_ones
    members[0].close()
    while len(owned[1]) < 6:
        assert list(members[1].poll(topic, messages_max=9, wait_s=0.05)) == []

    for key in {one.key for one in came}:
        mine = [one for one in came if one.key == key]
        assert len({one.partition for one in mine}) == 1
        assert [int(one.value) for one in mine] == sorted(int(one.value) for one in mine)
    assert members[1].lag(topic) == 0
    members[1].close()


def test_who_takes_over_reads_again_from_where_the_last_one_said(kafka: Any, fresh: str) -> None:
    """A few messages before the first unacknowledged one, which is told apart by its offset."""
    first = bus(kafka.servers, partitions=1)
    topic = f"{fresh}.audio"
    for number in range(10):
        first.publish(topic, "s1", str(number).encode(), {})
    came: list[Any] = []
    while len(came) < 8:
        came += first.poll(topic, messages_max=8 - len(came), wait_s=WAIT_S)
    first.keep_from(topic, 0, 5)
    first.acknowledge(came)
    first.close()

    given: list[tuple[int, ...]] = []
    second = bus(kafka.servers, partitions=1)
    second.watch(topic, lambda *told: given.append(told), lambda _: None)
    again: list[Any] = []
    while len(again) < 5:
        again += second.poll(topic, messages_max=9, wait_s=WAIT_S)

    assert given == [(0, 8, 5)]
    assert [one.offset for one in again] == [5, 6, 7, 8, 9]
    second.close()


def test_a_reader_sees_every_partition_and_disturbs_no_group(kafka: Any, fresh: str) -> None:
    """From the beginning, from the end, or from known places."""
    from dhishoom.buses.kafka_reader import KafkaReader

    topic, address = f"{fresh}.audio", link(kafka.servers, partitions=4)
    made = bus(kafka.servers, partitions=4)
    for number in range(20):
        made.publish(topic, f"s{number}", str(number).encode(), {})
    made.flush()
    late, reader = KafkaReader(address, topic, "latest"), KafkaReader(address, topic, "earliest")
    came: list[Any] = []
    while not reader.is_at_end():
        came += reader.poll(messages_max=50, wait_s=1.0)
    made.publish(topic, "s0", b"new", {})

    assert sorted(int(one.value) for one in came) == list(range(20))
    assert first_seen(late) == [b"new"]
    onwards = KafkaReader(address, topic, dict(reader.positions))
    assert first_seen(onwards) == [b"new"]
    assert made.lag(topic) == 21
    for one in (late, reader, onwards, made):
        one.close()


def test_the_first_messages_of_a_topic_that_is_just_made_all_arrive(kafka: Any, fresh: str) -> None:
    """A broker may refuse the first batch while it still makes the partition; none that follows may take its place."""
    from dhishoom.buses.kafka_reader import KafkaReader

    sizes = {}
    for number in range(TOPICS):
        topic = f"{fresh}.{number}.audio"
        made = bus(kafka.servers)
        for at in range(24):
            made.publish(topic, f"s{at % 6}", bytes(400_000), {})
        made.close()
        reader = KafkaReader(link(kafka.servers), topic, "earliest")
        sizes[topic] = sum(high - low for low, high in map(reader.bounds, reader.positions))
        reader.close()

    assert set(sizes.values()) == {24}
