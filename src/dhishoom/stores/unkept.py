"""What to say of files that could not be kept or had back."""

from __future__ import annotations

from dhishoom.errors import StoreError


def unwritten(address: str, why: str) -> StoreError:
    """What to say of a file that cannot be written."""
    return StoreError(f"{address} cannot be written: {why}. Is it up, is there room, and may this user write there?")


def unread(address: str, why: str) -> StoreError:
    """What to say of a file that cannot be read."""
    return StoreError(f"{address} cannot be read: {why}. Is it there, and may this user read it?")
