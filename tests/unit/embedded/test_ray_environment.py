from dataclasses import asdict
from pathlib import Path

import pytest

from serve_app.embedded.failures import StartFailure
from serve_app.embedded.ray_instance import RayInstance, choose_ports, ray_environment

UNIX_SOCKET_NAME_MAX = 107
NODE_ID = "f" * 56
HAPROXY_SUFFIX = ".1234567.tmp"


@pytest.fixture
def variables():
    folder = Path("/short/gopherpay-65534-0123abcd")
    return ray_environment(folder, Path("/keys/t"), choose_ports())


def test_the_two_switches_of_the_fast_path_are_thrown_together(variables):
    assert variables["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    assert variables["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"


def test_ray_asks_for_a_token_that_stands_in_no_variable(variables):
    assert variables["RAY_AUTH_MODE"] == "token"
    assert variables["RAY_AUTH_TOKEN_PATH"] == "/keys/t"
    assert "RAY_AUTH_TOKEN" not in variables


def test_haproxy_may_never_send_a_request_twice_by_itself(variables):
    assert "RAY_SERVE_HAPROXY_RETRY_ON" not in variables


def test_the_names_of_sockets_fit_into_the_kernels_field(variables):
    folder, name = variables["RAY_SERVE_HAPROXY_SOCKET_PATH"].rsplit("/", 1)

    assert len(f"{folder}/{NODE_ID}/{name}{HAPROXY_SUFFIX}") <= UNIX_SOCKET_NAME_MAX


def test_every_part_has_a_port_of_its_own():
    ports = asdict(choose_ports()).values()

    assert len(set(ports)) == len(ports)


def test_two_data_folders_have_two_instances_and_one_has_the_same_again(tmp_path):
    def place(owner):
        instance = RayInstance(owner=owner, token_file=owner / "t", log_folder=owner / "l")
        return instance.environment()["RAY_SERVE_HAPROXY_SERVER_STATE_BASE"]

    assert place(tmp_path / "a") == place(tmp_path / "a")
    assert place(tmp_path / "a") != place(tmp_path / "b")


def test_ray_that_was_imported_too_early_is_a_failure_not_a_surprise(tmp_path):
    pytest.importorskip("ray")
    instance = RayInstance(owner=tmp_path, token_file=tmp_path / "t", log_folder=tmp_path / "l")

    with pytest.raises(StartFailure, match="imported before"):
        instance.start(host="127.0.0.1", port=1)
