"""Every error this project raises on purpose: what happened, why, and how to fix it, in one message."""

from __future__ import annotations


class DhishoomError(Exception):
    """Root of the tree: a message for people, shown without a traceback.

    Attributes:
        exit_code: What the command line exits with when this error ends it (documented in docs/cli.md).
    """

    exit_code = 1


class UsageError(DhishoomError):
    """The command line or a call was used wrongly."""

    exit_code = 2


class SettingsError(DhishoomError):
    """`dhishoom.toml` or the environment cannot be understood."""

    exit_code = 3


class SourceError(DhishoomError):
    """A source of sound cannot be opened, read or understood."""

    exit_code = 4


class NounError(DhishoomError):
    """A value cannot be what it claims to be (a probability of 3, a negative duration)."""

    exit_code = 5


class ModelError(DhishoomError):
    """A model or its card is missing, damaged or does not fit the other."""

    exit_code = 6


class StoreError(DhishoomError):
    """The store cannot be opened, read or written."""

    exit_code = 7


class BusError(DhishoomError):
    """The bus cannot carry a message."""

    exit_code = 8


class BusAway(BusError):
    """Nobody answers on the bus now; what was published waits until somebody does."""


class BusFull(BusError):
    """The bus has no room: shed and count, or wait and try again."""


class SinkError(DhishoomError):
    """An alert could not be delivered.

    Attributes:
        retry: Whether the same delivery may succeed later.
        gone: Whether the other side wants no alert any more.
    """

    exit_code = 9

    def __init__(self, message: str, *, retry: bool = True, gone: bool = False) -> None:
        super().__init__(message)
        self.retry = retry and not gone
        self.gone = gone


class GeometryError(DhishoomError):
    """Places or picks from which no position can follow."""

    exit_code = 10


class ServiceError(DhishoomError):
    """The running service cannot start or go on (a port in use, a full disk)."""

    exit_code = 11
