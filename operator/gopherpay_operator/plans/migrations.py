"""The one step of a migration."""

from __future__ import annotations

from dataclasses import dataclass

from gopherpay_operator.plans.actions import Risk


@dataclass(frozen=True, slots=True)
class RunMigration:
    """One run of the program."""

    revision: str
    current: str | None
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say what is done."""
        return f"Run the migration from {self.current or 'what is there'} to {self.revision}."
