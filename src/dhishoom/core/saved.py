"""Frozen dataclasses as bytes and back: JSON, read by the types that the dataclass states and by nothing else."""

from __future__ import annotations

import dataclasses
import json
import types
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_bytes(value: object) -> bytes:
    """A dataclass of dataclasses, tuples, mappings by text, numbers, text, truth or None."""
    return json.dumps(value, default=_fields_of, separators=(",", ":")).encode()


def from_bytes(data: bytes, form: type[T]) -> T:
    """The inverse of `to_bytes`. Raises ValueError where the bytes are not of this form, and says where."""
    try:
        made: T = _read(json.loads(data), form, "it")
    except (RecursionError, OverflowError) as error:
        raise ValueError("it is nested too deeply, or a number is too large") from error
    return made


def _fields_of(value: object) -> dict[str, Any]:
    form: Any = type(value)
    return {name: getattr(value, name) for name in _forms(form)}


@lru_cache(maxsize=256)
def _forms(form: Any) -> dict[str, Any]:
    """The type of every field."""
    hints = get_type_hints(form)
    return {field.name: hints[field.name] for field in dataclasses.fields(form)}


def _read(told: Any, form: Any, where: str) -> Any:
    if get_origin(form) is not None:
        return _read_generic(told, form, where)
    if dataclasses.is_dataclass(form):
        return _read_fields(told, form, where)
    if form is float:
        _require(isinstance(told, int | float) and not isinstance(told, bool), where, form, told)
        return float(told)
    _require(type(told) is form, where, form, told)
    return told


def _read_generic(told: Any, form: Any, where: str) -> Any:
    origin, arguments = get_origin(form), get_args(form)
    if origin in (Union, types.UnionType):
        return None if told is None else _read(told, next(one for one in arguments if one is not type(None)), where)
    if origin is tuple:
        return _read_tuple(told, arguments, where)
    if origin is Literal:
        _require(told in arguments, where, form, told)
        return told
    _require(isinstance(told, dict), where, form, told)
    return {name: _read(value, arguments[1], f"{where}.{name}") for name, value in told.items()}


def _read_tuple(told: Any, arguments: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    _require(isinstance(told, list), where, "a list", told)
    if arguments[1:] == (...,):
        return tuple(_read(one, arguments[0], f"{where}[{at}]") for at, one in enumerate(told))
    _require(len(told) == len(arguments), where, f"{len(arguments)} values", told)
    return tuple(_read(one, form, f"{where}[{at}]") for at, (one, form) in enumerate(zip(told, arguments, strict=True)))


def _read_fields(told: Any, form: Any, where: str) -> Any:
    _require(isinstance(told, dict), where, form, told)
    forms = _forms(form)
    _require(told.keys() == forms.keys(), where, f"an object of the fields {', '.join(forms)}", told)
    return form(**{name: _read(value, forms[name], f"{where}.{name}") for name, value in told.items()})


def _require(holds: bool, where: str, form: Any, told: Any) -> None:
    if not holds:
        named = form.__name__.lstrip("_") if isinstance(form, type) else str(form)
        raise ValueError(f"{where} should be {named}, not {str(told)[:60]!r}")
