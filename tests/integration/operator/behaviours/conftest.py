"""Begins early with what takes long."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def early(request):
    """Let three comparisons go by while the other tests run."""
    if any("three_comparisons" in item.name for item in request.session.items):
        request.getfixturevalue("steady")
