"""A camera: an RTSP server of GStreamer that plays a tone of 1 kHz at 8 kHz, as A-law."""

from __future__ import annotations

from pathlib import Path

from tools.parts.running import Missing, Program, free_port, listens

SYSTEM_PYTHON = Path("/usr/bin/python3")
"""GStreamer's bindings belong to the system's Python, not to ours."""
BINDINGS = "girepository-1.0/GstRtspServer-1.0.typelib"
PACKAGES = (
    "gir1.2-gst-rtsp-server-1.0",
    "python3-gi",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
)
PROGRAM = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server, factory = GstRtspServer.RTSPServer(), GstRtspServer.RTSPMediaFactory()
server.set_address("127.0.0.1"); server.set_service(sys.argv[1])
factory.set_launch("( audiotestsrc is-live=true freq=1000 volume=0.25 ! audio/x-raw,rate=8000,channels=1"
                   " ! alawenc ! rtppcmapay name=pay0 )")
factory.set_shared(True)
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
GLib.MainLoop().run()
"""


def is_here() -> bool:
    """Whether GStreamer's RTSP server is installed for the system's Python."""
    return SYSTEM_PYTHON.exists() and any(Path("/usr/lib").glob(f"*/{BINDINGS}"))


class Camera:
    """One camera; `url` stays the same when it is stopped and started again."""

    def __init__(self, folder: Path) -> None:
        if not is_here():
            raise Missing(f"no RTSP server here: apt-get install {' '.join(PACKAGES)}")
        self.port = free_port()
        self.url = f"rtsp://127.0.0.1:{self.port}/live"
        folder.mkdir(parents=True, exist_ok=True)
        command = [str(SYSTEM_PYTHON), "-c", PROGRAM, str(self.port)]
        self.program = Program(command, folder / "log", lambda: listens(self.port))

    def start(self) -> Camera:
        """Play."""
        self.program.start()
        return self

    def stop(self) -> None:
        """Hang up."""
        self.program.stop()
