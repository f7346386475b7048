"""Metrics, tables and plots; no torch."""
