"""What schemathesis also checks here; loaded by its own process."""

from __future__ import annotations

import schemathesis

PROBLEM = 400


@schemathesis.check
def valid_requests_pass_validation(_context, response, case):
    """A request that fits the schema may be refused by a rule of money, never by validation."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code >= PROBLEM:
        assert response.json()["code"] != "validation-failed", response.text
