"""Metrics on a port of their own."""

import pytest

from serve_app.http.metrics import Meter
from serve_app.scrape import scraped
from tests.fixtures.asgi import ask


@pytest.fixture
def application():
    return scraped(Meter({"answer": lambda: 42.0}))


async def test_the_numbers_are_shown(application):
    answer = await ask(application, "GET", "/metrics")

    assert answer.status == 200
    assert b"gopherpay_answer 42.0" in answer.body


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/metrics")])
async def test_nothing_else_is_there(application, method, path):
    assert (await ask(application, method, path)).status == 404
