"""Stores, one file a kind."""
