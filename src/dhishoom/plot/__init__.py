"""Figures for notebooks, reports and `dhishoom detect --plot`, as matplotlib figures (extra `plots`).

Red is a gunshot, blue everything else, as on the page.
"""

from __future__ import annotations

from dhishoom.plot.dashboard import Dashboard, dashboard
from dhishoom.plot.incidents import arrivals, incident_map, span_ns
from dhishoom.plot.paper import png
from dhishoom.plot.sound import Mark, log_mel, scores, timeline, waveform
from dhishoom.plot.tdoa import tdoa

__all__ = [
    "Dashboard",
    "Mark",
    "arrivals",
    "dashboard",
    "incident_map",
    "log_mel",
    "png",
    "scores",
    "span_ns",
    "tdoa",
    "timeline",
    "waveform",
]
