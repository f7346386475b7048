"""A Kafka broker of one node (KRaft), plain or with SASL over TLS and access rules."""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from tools.parts.jars import jars, java
from tools.parts.running import Missing, Program, free_port, listens

ARTIFACTS = (
    "org.apache.kafka:kafka_2.13:4.4.0",
    "org.apache.logging.log4j:log4j-core:2.25.3",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3",
)
MESSAGE_BYTES_MAX = 2_097_152
PASSWORDS = {"broker": "broker-secret", "ingest": "ingest-secret", "nobody": "nobody-secret"}
LOGGING = """Configuration:
  Appenders: {Console: {name: out, PatternLayout: {pattern: "%d %p %m (%c{1})%n"}}}
  Loggers: {Root: {level: warn, AppenderRef: {ref: out}}}
"""


def install_kafka() -> Path:
    """Bring the broker."""
    return jars("kafka-4.4.0", ARTIFACTS, install=True)


class Kafka:
    """One broker.

    Args:
        folder: For its data, settings and log.
        server_pem: Key and certificates of the server; then clients need a user of PASSWORDS and TLS.
        authority: Who signed it.

    Attributes:
        program: To pause, kill and begin again.
    """

    def __init__(self, folder: Path, *, server_pem: Path | None = None, authority: Path | None = None) -> None:
        self._folder, self._library = folder, jars("kafka-4.4.0", ARTIFACTS)
        self.port, self._controller_port = free_port(), free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._properties, logging = folder / "server.properties", folder / "log4j2.yaml"
        lines = {**self._base(), **(self._secured(server_pem, authority) if server_pem and authority else {})}
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        logging.write_text(LOGGING)
        self._java = [*java("-cp", f"{self._library}/*", f"-Dlog4j2.configurationFile={logging}", heap="512m")]
        command = [*self._java, "kafka.Kafka", str(self._properties)]
        self.program = Program(command, folder / "broker.log", lambda: listens(self.port))

    @property
    def servers(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> Kafka:
        """Format its disk where that is not done, and run."""
        if not (self._folder / "data").is_dir():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            # One argument: an id may begin with a dash.
            tool = [
                *self._java,
                "kafka.tools.StorageTool",
                "format",
                f"--cluster-id={cluster}",
                "-c",
                str(self._properties),
            ]
            done = subprocess.run(tool, capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 0:
                raise Missing(f"Kafka's disk cannot be formatted: {(done.stdout + done.stderr)[-400:]}")
        self.program.start()
        return self

    def stop(self) -> None:
        """End it."""
        self.program.stop()

    def _base(self) -> Mapping[str, object]:
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": self._folder / "data",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "auto.create.topics.enable": "false",
            "message.max.bytes": MESSAGE_BYTES_MAX,
            "replica.fetch.max.bytes": MESSAGE_BYTES_MAX,
            "log.cleaner.dedupe.buffer.size": 8_388_608,
        }

    def _secured(self, server_pem: Path, authority: Path) -> Mapping[str, object]:
        users = " ".join(f'user_{name}="{secret}"' for name, secret in PASSWORDS.items())
        return {
            "listeners": f"SASL_SSL://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"SASL_SSL://127.0.0.1:{self.port}",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": (
                "org.apache.kafka.common.security.plain.PlainLoginModule required "
                f'username="broker" password="{PASSWORDS["broker"]}" {users};'
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": server_pem,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": authority,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:broker;User:ingest;User:ANONYMOUS",
            "allow.everyone.if.no.acl.found": "false",
        }
