import socket

import pytest

from serve_app.embedded.failures import PortBusy, StartFailure
from serve_app.embedded.ports import check_free, free_ports


def test_ports_asked_for_together_differ():
    assert len(set(free_ports(50))) == 50


def test_a_port_that_somebody_listens_on_is_busy():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(PortBusy, match=f"Port {port} is taken"):
            check_free("127.0.0.1", port)


def test_a_port_that_was_let_go_is_free_again():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    check_free("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused_in_one_sentence():
    with pytest.raises(StartFailure, match=r"^Nobody can listen on 192\.0\.2\.77 port 80"):
        check_free("192.0.2.77", 80)
