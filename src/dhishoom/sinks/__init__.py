"""Sinks, one file a kind."""
