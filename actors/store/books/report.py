"""What a verification of the books says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be.

    Attributes:
        invariant: Its number in the list of invariants, such as ``I4``.
        rule: What is broken, such as ``balance-is-sum``.
        subject: What it was found on, by id.
    """

    invariant: str
    rule: str
    subject: str
    found: str
    expected: str

    def __str__(self) -> str:
        """Return one line for a person."""
        return (
            f"{self.invariant} {self.rule}: {self.subject}: "
            f"found {self.found}; expected {self.expected}"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """The books as one snapshot shows them.

    Attributes:
        verified_at: The database's time of the snapshot.
        currencies: The sum of all postings by currency, in minor units: zero when all is well.
        discrepancies: How many there are; *findings* names the first of them.
    """

    verified_at: datetime
    accounts: int
    transfers: int
    postings: int
    currencies: Mapping[str, int]
    discrepancies: int
    findings: tuple[Finding, ...]
    duration_ms: int

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing is wrong."""
        return self.discrepancies == 0

    def facts(self) -> dict[str, Any]:
        """Return everything as values that JSON knows."""
        return {**asdict(self), "verified_at": self.verified_at.isoformat()}
