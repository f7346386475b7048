"""What every table of `dhishoom.toml` is."""

from __future__ import annotations

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of `dhishoom.toml`; a key it does not know is an error."""
