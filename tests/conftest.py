"""Lists the fixture plugins and clears the platform's own variables from the environment."""

import os

import pytest

from tests.fixtures.marks import starts_real_processes

pytest_plugins = [
    "tests.fixtures.left_open",
    "tests.fixtures.logs",
    "tests.fixtures.postgres",
    "tests.fixtures.kafka",
]

# A developer's own settings must not change what the tests mean.
for name in [name for name in os.environ if name.startswith("GOPHERPAY_")]:
    if not name.startswith("GOPHERPAY_TEST_"):
        del os.environ[name]


def pytest_collection_modifyitems(items):
    """Try what starts real processes a second time; the summary names it as RERUN.

    Such a line is a finding: somebody has to mend the test, or what it found.
    """
    for item in items:
        if starts_real_processes(item):
            item.add_marker(pytest.mark.flaky(reruns=1))
