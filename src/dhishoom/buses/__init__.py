"""Buses, one file a kind."""
