"""Claims about dataclasses as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.core import saved

texts = st.text(max_size=8)


@dataclass(frozen=True, slots=True)
class Leaf:
    name: str
    kind: Literal["a", "b"]
    value: float
    pair: tuple[float, int]


@dataclass(frozen=True, slots=True)
class Tree:
    leaves: tuple[Leaf, ...] = ()
    marks: Mapping[str, int] = field(default_factory=dict)
    best: Leaf | None = None
    whole: bool = False


leaf = st.builds(
    Leaf,
    texts,
    st.sampled_from(["a", "b"]),
    st.floats(allow_nan=False),
    st.tuples(st.floats(allow_nan=False), st.integers(-(2**70), 2**70)),
)
tree = st.builds(
    Tree,
    st.lists(leaf, max_size=3).map(tuple),
    st.dictionaries(texts, st.integers(), max_size=3),
    st.none() | leaf,
    st.booleans(),
)


@given(tree)
def test_what_is_written_is_read_back(value: Tree) -> None:
    """Every number to its last digit, every text to its last character."""
    assert saved.from_bytes(saved.to_bytes(value), Tree) == value


@given(
    st.binary(max_size=40)
    | st.recursive(st.none() | st.booleans() | texts, st.lists, max_leaves=5).map(str).map(str.encode)
)
def test_bytes_of_another_form_are_refused_with_one_kind_of_error(data: bytes) -> None:
    """Whatever lies on the disk, a reader sees a ValueError and nothing else."""
    with pytest.raises(ValueError, match=r"."):
        saved.from_bytes(data, Tree)


@pytest.mark.parametrize(
    "data",
    [
        b'{"leaves":[],"marks":{"a":1.5},"best":null,"whole":false}',
        b'{"leaves":[],"marks":{},"best":null,"whole":1}',
        b'{"leaves":[],"marks":{},"best":null}',
        b'{"leaves":[],"marks":{},"best":null,"whole":true,"more":1}',
        b'{"leaves":[{"name":"x","kind":"c","value":1,"pair":[1,2]}],"marks":{},"best":null,"whole":true}',
        b'{"leaves":[{"name":"x","kind":"a","value":true,"pair":[1,2]}],"marks":{},"best":null,"whole":true}',
        b'{"leaves":[{"name":"x","kind":"a","value":1,"pair":[1]}],"marks":{},"best":null,"whole":true}',
        b"[" * 100_000,
        b'{"leaves":[{"name":"x","kind":"a","value":1'
        + b"0" * 400
        + b',"pair":[1,2]}],"marks":{},"best":null,"whole":true}',
    ],
)
def test_a_field_of_the_wrong_type_is_refused(data: bytes) -> None:
    """A state is whole or not there: no field is guessed."""
    with pytest.raises(ValueError, match=r"it"):
        saved.from_bytes(data, Tree)
