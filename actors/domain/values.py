"""Values that cannot be changed, by the word of the type checker.

A frozen dataclass sets each of its fields by a call, six times as dear as an assignment. A transfer
makes some sixty such fields, so those it is made of are frozen where mistakes are found, not where
time is spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def value(kind: type[T]) -> type[T]:
    """Make *kind* a dataclass with slots whose fields nobody may set again."""
    return dataclass(slots=True, unsafe_hash=True)(kind)
