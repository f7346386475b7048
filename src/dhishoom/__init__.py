"""dhishoom: open-source, real-time gunshot detection."""

from __future__ import annotations

__version__ = "0.1.0"
