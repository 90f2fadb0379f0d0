"""Proof, from the database alone, that the books are right."""

from __future__ import annotations

from actors.store.books.events import EventsReport, NoTemporaryTables, verify_events
from actors.store.books.history import Verifications, save
from actors.store.books.report import Finding, Report
from actors.store.books.verification import SchemaMissing, verify

__all__ = [
    "EventsReport",
    "Finding",
    "NoTemporaryTables",
    "Report",
    "SchemaMissing",
    "Verifications",
    "save",
    "verify",
    "verify_events",
]
