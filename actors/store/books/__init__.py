"""Proof, from the database alone, that the books are right."""

from __future__ import annotations

from actors.store.books.history import Verifications, save
from actors.store.books.report import Finding, Report
from actors.store.books.verification import SchemaMissing, verify

__all__ = ["Finding", "Report", "SchemaMissing", "Verifications", "save", "verify"]
