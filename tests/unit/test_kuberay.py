"""How a node of Ray begins in a pod of KubeRay."""

import json
import os
import subprocess
import sys

import pytest

from actors.settings import Settings
from serve_app.kuberay import PORTS, START_VARIABLE, node_environment

SHOWN = f"{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
KEPT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV")


def begun(**variables):
    """Return what a node that begins with *variables* comes to, and its complaint."""
    around = {name: os.environ[name] for name in KEPT if name in os.environ}
    ended = subprocess.run(
        [sys.executable, "-m", "serve_app.kuberay"],
        env={**around, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return (json.loads(ended.stdout) if ended.stdout else None), ended.stderr


@pytest.fixture
def variables(tmp_path):
    return node_environment(Settings(), tmp_path)


def test_the_node_starts_as_kuberay_says_with_what_serve_must_know():
    seen, _ = begun(**{START_VARIABLE: SHOWN})

    assert seen["RAY_SERVE_ENABLE_HA_PROXY"] == seen["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
    assert seen["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"] == "serve_app.edge:middlewares"
    assert "bind *:8000" in seen["RAY_SERVE_HAPROXY_BALANCE_ALGORITHM"]


def test_what_the_pod_says_wins():
    seen, _ = begun(**{START_VARIABLE: SHOWN, "RAY_SERVE_HAPROXY_NBTHREAD": "2"})

    assert seen["RAY_SERVE_HAPROXY_NBTHREAD"] == "2"


def test_unsafe_settings_start_no_node():
    seen, complaint = begun(**{START_VARIABLE: SHOWN, "GOPHERPAY_PROFILE": "production"})

    assert seen is None
    assert complaint.startswith("The production profile refuses the embedded Postgres")
    assert len(complaint.splitlines()) == 1


def test_a_pod_that_kuberay_did_not_make_is_told_so():
    seen, complaint = begun()

    assert seen is None
    assert START_VARIABLE in complaint


def test_the_token_is_left_to_kuberay(variables):
    assert not [name for name in variables if name.startswith("RAY_AUTH")]


def test_clients_reach_our_frontend_and_kuberays_probe_reaches_rays(variables):
    lines = variables["RAY_SERVE_HAPROXY_BALANCE_ALGORITHM"].splitlines()

    assert "    use_backend gopherpay-ray if { path_beg /-/ }" in lines
    assert f"    server ray 127.0.0.1:{PORTS.ray_http}" in lines
    assert any(f"server streams 127.0.0.1:{PORTS.streams}" in line for line in lines)
