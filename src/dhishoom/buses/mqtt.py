"""Messages over MQTT 5: for sensors that speak it, and the bridge that takes their sound on to Kafka."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from dhishoom.errors import BusError, BusFull, SettingsError
from dhishoom.seams import AUDIO_TOPIC, Delivery

try:
    import paho.mqtt.client as mqtt
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
except ModuleNotFoundError as error:
    raise SettingsError("MQTT needs a library that is not installed: pip install 'dhishoom[mqtt]'.") from error

AT_LEAST_ONCE = 1
ANSWER_S = 10.0
KEEPALIVE_S = 30
SESSION_S = 24 * 3600
"""The broker keeps for so long what comes while nobody of this name listens."""
INFLIGHT_MAX = 2000
PARTITION = 0


def address_of(topic: str, key: str) -> str:
    """`dhishoom.audio` of sensor `s1` is `dhishoom/s1/audio`; what MQTT gives a meaning in a key is %XX."""
    prefix, _, kind = topic.rpartition(".")
    return f"{prefix.replace('.', '/') or '-'}/{key if key == '+' else quote(key, safe='')}/{kind}"


class MqttBus:
    """At least once, in order per sensor; one thread polls, any may publish.

    Args:
        topics: What is subscribed to, from now on and while this name is away.
        name: Of this client; the broker knows by it what was not acknowledged. Two at once drive each other out.
        authority: A PEM file of who signed the broker's certificate; empty: the system's.
        messages_max: What waits for the broker before `publish` refuses.
    """

    def __init__(
        self,
        host: str,
        port: int = 1883,
        *,
        topics: Sequence[str] = (AUDIO_TOPIC,),
        name: str = "dhishoom",
        user: str = "",
        password: str = "",
        tls: bool = False,
        authority: str = "",
        messages_max: int = 4096,
        message_bytes_max: int = 4 << 20,
    ) -> None:
        self._where, self._user = f"The MQTT broker {host}:{port}", user
        self._messages_max, self._bytes_max = messages_max, message_bytes_max
        self._topics = {topic: _Topic(topic) for topic in topics}
        self._changed = threading.Condition()
        self._unconfirmed: set[int] = set()
        self._early: set[int] = set()
        self._failure: BusError | None = None
        self._connected, self._closed = False, False
        self._client = self._make_client(name, password, tls, authority)
        self._connect(host, port)

    def publish(self, topic: str, key: str, value: bytes, headers: Mapping[str, str]) -> None:
        """Take a message into the queue to the broker; BusFull where it takes them too slowly, or is away."""
        if len(value) > self._bytes_max:
            raise BusError(
                f"{self._where} takes no message of {len(value)} bytes; send chunks of at most {self._bytes_max}."
            )
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = list(headers.items())
        with self._changed:
            self._check()
            if len(self._unconfirmed) >= self._messages_max:
                raise BusFull(
                    f"{self._where} is too slow or away: {len(self._unconfirmed)} messages wait for it. Give it more "
                    "room or fewer sensors, or wait."
                )
        # Not under our lock: paho calls back under its own, which it takes here.
        sent = self._client.publish(address_of(topic, key), value, AT_LEAST_ONCE, properties=properties)
        if sent.rc not in (mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_NO_CONN):
            raise BusError(f"{self._where} takes no message: {mqtt.error_string(sent.rc)}. See its log.")
        with self._changed:
            if sent.mid in self._early:
                self._early.discard(sent.mid)
            else:
                self._unconfirmed.add(sent.mid)

    def flush(self, wait_s: float = 30.0) -> None:
        """Return once the broker has confirmed what was published. Raises BusError else."""
        with self._changed:
            done = self._changed.wait_for(lambda: not self._unconfirmed or self._failure is not None, wait_s)
            if self._failure is not None:
                self._raise_failure()
            if not done:
                raise BusError(
                    f"{self._where} has not taken {len(self._unconfirmed)} messages in {wait_s:g} s. Is it up?"
                )

    def poll(self, topic: str, *, messages_max: int, wait_s: float) -> Sequence[Delivery]:
        """Up to `messages_max` messages of a topic that was subscribed to; waits only where there are none."""
        with self._changed:
            self._check()
            queue = self._topic(topic)
            self._changed.wait_for(lambda: queue.waiting or self._closed or self._failure is not None, wait_s)
            return [queue.waiting.popleft() for _ in range(min(messages_max, len(queue.waiting)))]

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """The broker forgets these, and all before them in their topics."""
        with self._changed:
            mids = [mid for one in deliveries for mid in self._topic(one.topic).settle(one.offset)]
        for mid in mids:
            self._client.ack(mid, AT_LEAST_ONCE)

    def lag(self, topic: str) -> int:
        """Messages that were handed to this client, or wait to be sent by it; of others the broker does not tell."""
        with self._changed:
            return len(self._topic(topic).open) + len(self._unconfirmed)

    def close(self) -> None:
        """Hand over what was published; the broker keeps the session. Raises BusError where messages are left."""
        if self._closed:
            return
        try:
            self.flush()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End without a goodbye: what waits to be sent is dropped. Safe twice."""
        self._closed = True
        self._client.disconnect()
        self._client.loop_stop()
        with self._changed:
            self._changed.notify_all()

    def _make_client(self, name: str, password: str, tls: bool, authority: str) -> mqtt.Client:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5, manual_ack=True)
        client.max_inflight_messages_set(INFLIGHT_MAX)
        client.reconnect_delay_set(1, 2)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message, client.on_publish = self._on_message, self._on_publish
        if self._user:
            client.username_pw_set(self._user, password)
        if tls or authority:
            client.tls_set(authority or None)
        return client

    def _connect(self, host: str, port: int) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval, properties.ReceiveMaximum = SESSION_S, INFLIGHT_MAX
        try:
            self._client.connect(host, port, KEEPALIVE_S, clean_start=False, properties=properties)
        except OSError as error:
            raise BusError(f"{self._where} cannot be reached: {error}. Is it up, and is bus.servers right?") from error
        self._client.loop_start()
        until_s = time.monotonic() + ANSWER_S
        with self._changed:
            while not self._connected and self._failure is None and time.monotonic() < until_s:
                self._changed.wait(until_s - time.monotonic())
        if not self._connected:
            self.abandon()
            raise self._failure or BusError(f"{self._where} does not answer within {ANSWER_S:g} s. Is it up?")

    def _on_connect(self, client: mqtt.Client, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        """What was handed out and not acknowledged comes again, under its number if the broker knows us."""
        with self._changed:
            if reason.is_failure:
                self._failure = BusError(
                    f"{self._where} refuses the user {self._user!r}: {reason}. "
                    "Check bus.user and bus.password (a bridge: bridge.user)."
                )
            else:
                self._bytes_max = min(self._bytes_max, getattr(properties, "MaximumPacketSize", self._bytes_max))
                for queue in self._topics.values():
                    queue.begin_again(same_session=flags.session_present)
                    client.subscribe(address_of(queue.name, "+"), AT_LEAST_ONCE)
                self._connected = True
            self._changed.notify_all()

    def _on_disconnect(self, *_: Any) -> None:
        with self._changed:
            self._connected = False

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        with self._changed:
            if mid in self._unconfirmed:
                self._unconfirmed.discard(mid)
            else:
                self._early.add(mid)  # confirmed before `publish` has returned
            if reason.is_failure:
                self._failure = BusError(
                    f"{self._where} refused a message: {reason}. Check what {self._user!r} may publish."
                )
            self._changed.notify_all()

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        with self._changed:
            for queue in self._topics.values():
                if mqtt.topic_matches_sub(address_of(queue.name, "+"), message.topic):
                    queue.take(message)
            self._changed.notify_all()

    def _topic(self, name: str) -> _Topic:
        if name not in self._topics:
            raise BusError(f"{self._where} was not asked for {name}; name it in `topics` when the bus is opened.")
        return self._topics[name]

    def _check(self) -> None:
        if self._closed:
            raise BusError("the bus is closed and takes no more messages; open another.")
        if self._failure is not None:
            self._raise_failure()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        assert failure is not None
        raise failure


class _Topic:
    """What came on one topic: `open` until acknowledged, of it `waiting` until polled."""

    def __init__(self, name: str) -> None:
        self.name, self._count = name, 0
        self.waiting: deque[Delivery] = deque()
        self.open: deque[tuple[int, int]] = deque()
        self._again: set[int] = set()

    def take(self, message: Any) -> None:
        """Unless it is handed out already and only comes again."""
        if message.mid in self._again:
            self._again.discard(message.mid)
            return
        properties = getattr(message.properties, "UserProperty", [])
        delivery = Delivery(
            topic=self.name,
            key=unquote(message.topic.rsplit("/", 2)[1]),
            value=bytes(message.payload),
            headers=dict(properties),
            timestamp_ns=time.time_ns(),
            partition=PARTITION,
            offset=self._count,
        )
        self._count += 1
        self.waiting.append(delivery)
        if message.qos:
            self.open.append((delivery.offset, message.mid))

    def settle(self, offset: int) -> list[int]:
        """Numbers of what is acknowledged with this message."""
        mids = []
        while self.open and self.open[0][0] <= offset:
            mids.append(self.open.popleft()[1])
        return mids

    def begin_again(self, *, same_session: bool) -> None:
        """After a break: what was not polled is dropped, for it comes again; what was polled is not taken twice."""
        dropped = {one.offset for one in self.waiting}
        self.waiting.clear()
        self.open = deque(one for one in self.open if same_session and one[0] not in dropped)
        self._again = {mid for _, mid in self.open}
