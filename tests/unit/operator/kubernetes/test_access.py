"""A connection to the API server lives no longer than the one who asked."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading

import pytest

from gopherpay_operator.kubernetes import access
from tests.fixtures.certificates import make_certificates

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LINE = b'{"type":"BOOKMARK"}\n'
PATIENCE_SECONDS = 30
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{{name: here, context: {{cluster: here, user: nobody}}}}]
users: [{{name: nobody, user: {{}}}}]
clusters:
- name: here
  cluster: {{server: "https://127.0.0.1:{port}", certificate-authority: {ca}}}
"""


class Speaker(threading.Thread):
    """A server of one watch, which says one line and does not listen from then on."""

    def __init__(self, certificates):
        super().__init__(daemon=True)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.server_file)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.may_end = threading.Event()

    def run(self):
        with (
            self._listener,
            self._listener.accept()[0] as line,
            self._context.wrap_socket(line, server_side=True) as spoken,
        ):
            spoken.recv(65_536)
            spoken.sendall(HEAD + b"%x\r\n%b\r\n" % (len(LINE), LINE))
            self.may_end.wait(PATIENCE_SECONDS)


@pytest.fixture
def speaker(tmp_path):
    """Yield the server, and the access to it."""
    certificates = make_certificates(tmp_path / "certificates")
    speaker = Speaker(certificates)
    speaker.start()
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG.format(port=speaker.port, ca=certificates.ca_file))
    yield speaker, access.find(str(kubeconfig), None)
    speaker.may_end.set()
    speaker.join(PATIENCE_SECONDS)


@pytest.mark.parametrize("end", ["close", "release"])
async def test_a_watch_that_is_given_up_leaves_no_connection(speaker, end):
    _, way = speaker
    session = (await way.session([])).aiohttp_session
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await session.get(f"{way.server}/watch")
        assert await answer.content.readline() == LINE
    line = answer.connection.transport.get_extra_info("socket")

    getattr(answer, end)()
    await session.close()
    await asyncio.sleep(0)

    assert line.fileno() == -1
