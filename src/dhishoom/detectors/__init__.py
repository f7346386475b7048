"""Detectors, one file a kind, and the cards they come with."""
