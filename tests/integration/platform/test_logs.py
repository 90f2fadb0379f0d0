"""What the processes of the platform say can be read."""

from __future__ import annotations

import json

import pytest

from tests.integration.platform.scenes import marks
from tests.integration.platform.up import wait_for

pytestmark = [*marks, pytest.mark.parametrize("up", ["ingress"], indirect=True)]


def test_what_a_replica_says_is_kept_with_the_logs_of_ray(up):
    logs = up.folder / "logs" / "ray"

    def said():
        lines = [line for file in logs.glob("worker-*.err") for line in open_lines(file)]
        return {json.loads(line)["event"] for line in lines if line.startswith("{")}

    wait_for(lambda: "identity.swept" in said())


def open_lines(file):
    return file.read_text(encoding="utf-8", errors="replace").splitlines()
