"""The whole platform with a broker of its own, as a person runs it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from actors.messaging.connection import KafkaConnection
from actors.messaging.topics import missing_topics
from serve_app.embedded.ports import free_port
from serve_app.embedded.processes import working_in

GOPHERPAY = Path(sys.executable).parent / "gopherpay"
STOP_SECONDS_MAX = 15
BACK_SECONDS_MAX = 90

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.xdist_group("ray")]


@contextmanager
def started(folder):
    """Yield the process of a platform that is ready, and what it has said until then."""
    command = [GOPHERPAY, "up", "--kafka", "--data-dir", folder, "--port", str(free_port())]
    lines = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            for line in process.stdout:
                lines.append(line)
                if "Log folder" in line:
                    break
            yield process, "".join(lines)
        finally:
            process.terminate()


def brokers_in(folder):
    return working_in(folder / "kafka", "java")


def test_a_broker_of_its_own_is_shown_brought_back_and_stopped(cluster_folder):
    folder = cluster_folder / "data"
    with started(folder) as (process, said):
        assert process.poll() is None, said
        [address] = re.findall(r"Kafka +│? *(127\.0\.0\.1:\d+)", said)
        assert json.loads((folder / "run.json").read_text())["kafka_bootstrap_servers"] == address
        [first] = brokers_in(folder)

        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + BACK_SECONDS_MAX
        while brokers_in(folder) in ([], [first]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        found = missing_topics(KafkaConnection(address), ["none"], timeout_seconds=BACK_SECONDS_MAX)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.stdout.read()

        assert found == ["none"]
        assert process.wait() == 0
        assert time.monotonic() - began < STOP_SECONDS_MAX
        assert brokers_in(folder) == []


def test_a_second_bus_is_refused_in_one_sentence(tmp_path):
    refused = subprocess.run(
        [GOPHERPAY, "up", "--kafka", "--data-dir", tmp_path],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"GOPHERPAY_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"},
    )

    assert refused.returncode == 1
    assert "names another one; leave one of them out" in refused.stderr
