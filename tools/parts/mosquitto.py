"""A Mosquitto broker that knows two users and what they may publish."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools.parts.running import Program, free_port, listens, program

PASSWORDS = {"sensor": "sensor-secret", "bridge": "bridge-secret"}


class Mosquitto:
    """One broker; `sensor` may publish sound, `bridge` may do everything."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        passwords, rules, settings = folder / "passwords", folder / "rules", folder / "mosquitto.conf"
        passwords.touch(mode=0o600)
        tool = program("mosquitto_passwd", "apt-get install mosquitto")
        for user, secret in PASSWORDS.items():
            subprocess.run([tool, "-b", str(passwords), user, secret], check=True, capture_output=True)
        rules.write_text("user sensor\ntopic write dhishoom/+/audio\nuser bridge\ntopic readwrite #\n")
        lines = (
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous false",
            f"password_file {passwords}",
            f"acl_file {rules}",
            "persistence false",
            "max_inflight_messages 200",
            "max_queued_messages 20000",
            "user root",
            "",
        )
        settings.write_text("\n".join(lines))
        command = [program("mosquitto", "apt-get install mosquitto"), "-c", str(settings)]
        self.program = Program(command, folder / "log", lambda: listens(self.port))

    def start(self) -> Mosquitto:
        """Run."""
        self.program.start()
        return self

    def stop(self) -> None:
        """End it."""
        self.program.stop()
