"""What sends records to the bus, as the relay needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.ports.events import Record


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a record is not known to be on the bus.

    Attributes:
        reason: A code or a short sentence, without the record's content.
        is_lasting: The bus refused this very record, and will again; it is not on the bus.
    """

    reason: str
    is_lasting: bool = False


UNTRIED: Final = Failure("not tried: another record failed before")


class Sender(Protocol):
    """The way to the bus."""

    async def send(self, records: Sequence[Record]) -> list[Failure | None]:
        """Send *records* in order; return of each why it failed, None when the bus has it safe.

        Records of one key get there in order: of each key the successful ones come first.
        What failed may be there all the same, unless the failure is lasting.
        """
        ...

    async def close(self) -> None:
        """End; what is under way is given up."""
        ...
