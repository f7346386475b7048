"""HTTP API, server-sent events and the built page."""
