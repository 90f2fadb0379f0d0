import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from serve_app.load.serve import ScalingRefused, ServeApi

DETAILS = {
    "applications": {
        "gopherpay": {
            "deployments": {
                "AccountShard": {
                    "target_num_replicas": 3,
                    "replicas": [{"state": "RUNNING"}, {"state": "STARTING"}, {"state": "RUNNING"}],
                }
            }
        }
    }
}


@contextmanager
def a_serve(status=200):
    """Yield the address of a server that speaks like Serve's interface, and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(None)

        def do_POST(self):
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body):
            asked.append((self.path, body, self.headers["Authorization"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(DETAILS).encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_scaling_names_the_deployment_the_number_and_the_token():
    with a_serve() as (url, asked):
        ServeApi(url, "secret", "AccountShard").scale(4)

    path = "/api/v1/applications/gopherpay/deployments/AccountShard/scale"
    assert asked == [(path, {"target_num_replicas": 4}, "Bearer secret")]


def test_only_processes_that_run_are_counted():
    with a_serve() as (url, _):
        serve = ServeApi(url, None, "AccountShard")

        assert serve.running() == 2
        assert serve.wanted() == 3


def test_a_deployment_that_serve_does_not_know_is_named():
    with a_serve() as (url, _), pytest.raises(ScalingRefused, match="knows no deployment Other"):
        ServeApi(url, None, "Other").running()


def test_a_refusal_and_silence_are_told_apart():
    with a_serve(status=403) as (url, _), pytest.raises(ScalingRefused, match="refused to scale"):
        ServeApi(url, None, "AccountShard").scale(2)
    with pytest.raises(ScalingRefused, match="did not answer"):
        ServeApi(url, None, "AccountShard").scale(2)
