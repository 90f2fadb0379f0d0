"""What can be wrong with what people want to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from actors.domain.errors import Refused


@dataclass(eq=False)
class PreferenceLocked(Refused):
    """Notifications of this kind cannot be switched off."""

    code: ClassVar[str] = "preference-locked"
    kind: str
