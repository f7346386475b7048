"""A pickle read as a list of instructions, none of which is executed: names, numbers and where a tensor's bytes lie.

PyTorch keeps the names and shapes of tensors in a pickle. Loading one runs whatever it says; here a small machine walks
through its opcodes, knows the few that such a table needs, and refuses the rest.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from dhishoom.errors import ModelError

STEPS_MAX = 200_000
_KNOWN = frozenset({"collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"})
_TYPES: Mapping[str, str] = {
    "torch FloatStorage": "<f4", "torch DoubleStorage": "<f8", "torch HalfStorage": "<f2", "torch LongStorage": "<i8",
    "torch IntStorage": "<i4",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes that tensors share."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the numbers of one tensor lie in a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Named:
    """A class or function that the pickle names; it is never looked up."""

    name: str


_MARK = object()


def read_names(file: IO[bytes]) -> Any:
    """What one pickle holds. Raises ModelError where it wants anything executed, or is damaged."""
    machine = _Machine()
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if number > STEPS_MAX:
                raise ModelError("its table of names is longer than any network's.")
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, TypeError, KeyError, AttributeError, UnicodeDecodeError) as error:
        raise ModelError(f"its table of names is damaged ({error}).") from error
    raise ModelError("its table of names breaks off.")


class _Machine:
    """The stack and the memory of a pickle's opcodes, as Python's pickletools describes them."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._steps: dict[str, Callable[[Any], None]] = {
            "PROTO": self._nothing, "FRAME": self._nothing,
            "MARK": lambda _: self.stack.append(_MARK), "NONE": lambda _: self.stack.append(None),
            "NEWTRUE": lambda _: self.stack.append(True), "NEWFALSE": lambda _: self.stack.append(False),
            "EMPTY_DICT": lambda _: self.stack.append({}), "EMPTY_LIST": lambda _: self.stack.append([]),
            "EMPTY_TUPLE": lambda _: self.stack.append(()),
            "TUPLE": lambda _: self.stack.append(tuple(self._since_mark())),
            "TUPLE1": lambda _: self._tuple(1), "TUPLE2": lambda _: self._tuple(2), "TUPLE3": lambda _: self._tuple(3),
            "BINPUT": self._remember, "LONG_BINPUT": self._remember,
            "MEMOIZE": lambda _: self._remember(len(self._memo)),
            "BINGET": lambda at: self.stack.append(self._memo[at]),
            "LONG_BINGET": lambda at: self.stack.append(self._memo[at]),
            "GLOBAL": self._name, "STACK_GLOBAL": self._stack_name, "BINPERSID": self._storage, "REDUCE": self._call,
            "SETITEM": self._set_one, "SETITEMS": self._set_many, "BUILD": lambda _: self._drop(),
            "APPEND": self._append, "APPENDS": self._append_many,
        }  # fmt: skip
        for plain in (
            "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINSTRING",
            "SHORT_BINSTRING",
        ):  # fmt: skip
            self._steps[plain] = self.stack.append

    def step(self, name: str, argument: Any) -> None:
        """One opcode. Raises ModelError for one that a table of names does not need."""
        if name not in self._steps:
            raise ModelError(f"it would execute code on load (opcode {name}).")
        self._steps[name](argument)

    def _nothing(self, _: Any) -> None:
        pass

    def _drop(self) -> None:
        """State of a dictionary, such as versions: not needed."""
        self.stack.pop()

    def _since_mark(self) -> list[Any]:
        at = len(self.stack) - 1 - self.stack[::-1].index(_MARK)
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    def _tuple(self, count: int) -> None:
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.stack.append(items)

    def _remember(self, at: int) -> None:
        self._memo[at] = self.stack[-1]

    def _name(self, name: str) -> None:
        if name not in _KNOWN and name not in _TYPES:
            raise ModelError(f"it would execute code on load ({name.replace(' ', '.')}).")
        self.stack.append(_Named(name))

    def _stack_name(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._name(f"{module} {name}")

    def _storage(self, _: Any) -> None:
        """`("storage", type, key, device, count, ...)`."""
        _, kind, key, _, count = self.stack.pop()[:5]
        self.stack.append(Storage(_TYPES[kind.name], str(key), int(count)))

    def _call(self, _: Any) -> None:
        """The three things that a table of names makes; no function is called."""
        arguments, named = self.stack.pop(), self.stack.pop()
        if named.name == "torch._utils _rebuild_tensor_v2":
            storage, offset, shape, strides = arguments[:4]
            self.stack.append(Place(storage, int(offset), tuple(shape), tuple(strides)))
        elif named.name == "torch._utils _rebuild_parameter":
            self.stack.append(arguments[0])
        elif named.name == "collections OrderedDict":
            self.stack.append(dict(arguments[0]) if arguments else {})
        else:
            raise ModelError(f"it would execute code on load ({named.name.replace(' ', '.')}).")

    def _set_one(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.stack[-1][key] = value

    def _set_many(self, _: Any) -> None:
        items = self._since_mark()
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def _append(self, _: Any) -> None:
        value = self.stack.pop()
        self.stack[-1].append(value)

    def _append_many(self, _: Any) -> None:
        items = self._since_mark()
        self.stack[-1].extend(items)
