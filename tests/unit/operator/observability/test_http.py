"""Probes say what is wrong, and answer while the event loop hangs."""

from __future__ import annotations

import httpx
import pytest

from gopherpay_operator.observability.http import HttpServer, Pages


@pytest.fixture
def wrong():
    return {}


@pytest.fixture
def url(wrong):
    pages = Pages(
        live={"loop": lambda: wrong.get("loop"), "queue": lambda: wrong.get("queue")},
        ready={"definitions": lambda: wrong.get("definitions")},
        metrics=lambda: b"figure 1\n",
    )
    server = HttpServer("127.0.0.1", 0, pages)
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


def get(url):
    return httpx.get(url, timeout=30, trust_env=False)


def test_all_is_well_when_no_check_fails(url):
    # given, when, then
    assert get(f"{url}/healthz").status_code == 200
    assert get(f"{url}/readyz").status_code == 200


def test_a_check_that_fails_is_named(url, wrong):
    # given
    wrong["queue"] = "a pass has run for 901 s"

    # when
    answer = get(f"{url}/healthz")

    # then
    assert answer.status_code == 500
    assert answer.text == "queue: a pass has run for 901 s\n"


def test_readiness_is_not_liveness(url, wrong):
    # given
    wrong["definitions"] = "not served: EventTopic"

    # when, then
    assert get(f"{url}/readyz").status_code == 503
    assert get(f"{url}/healthz").status_code == 200


def test_figures_are_served(url):
    # given, when
    answer = get(f"{url}/metrics")

    # then
    assert answer.text == "figure 1\n"
    assert answer.headers["content-type"].startswith("text/plain")


def test_another_path_is_not_there(url):
    # given, when, then
    assert get(f"{url}/").status_code == 404
