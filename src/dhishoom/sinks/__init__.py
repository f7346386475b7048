"""Sinks, one file a kind: each delivers one alert."""
