"""The platform of the acceptance tests writes the events."""

from tests.fixtures.platform import platform

__all__ = ["platform"]
