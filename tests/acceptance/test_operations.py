"""What machines and operators ask."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors.store.books.history import save
from tests.acceptance.conftest import assert_problem
from tests.fixtures.ledger import verified


def test_the_process_is_alive_and_ready(platform):
    assert platform.anonymous.get("/healthz").json() == {"status": "ok"}
    assert platform.anonymous.get("/readyz").json() == {"status": "ok"}


def test_metrics_count_answers_by_route_and_status(platform, pair):
    def count():
        text = platform.anonymous.get("/metrics").text
        return {
            (sample.labels["route"], sample.labels["status"]): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "gopherpay_http_answers_total"
        }

    before = count().get(("GET /v1/accounts/{account_id}", "200"), 0)
    pair.ada.http.get(f"/v1/accounts/{pair.wallet}")

    assert count()["GET /v1/accounts/{account_id}", "200"] == before + 1


@pytest.mark.parametrize("path", ["/healthz", "/v1/accounts", "/v1/nothing", "/docs"])
def test_every_answer_has_the_headers_of_every_answer(platform, path):
    answer = platform.anonymous.get(path)

    assert answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


def test_the_books_are_right_after_whatever_was_done_to_them(platform):
    report = verified(platform.owner_dsn)

    assert report.findings == ()


def test_operators_see_the_last_verification(platform, pair):
    report = verified(platform.owner_dsn)
    save(platform.owner_dsn, report)

    shown = platform.treasury.get("/v1/admin/books").json()

    assert (shown["discrepancies"], shown["findings"]) == (0, [])
    assert shown["transfers"] == report.transfers
    assert set(shown["currencies"].values()) <= {"0", "0.00", "0.000"}
    assert 0 <= shown["age_seconds"] < 60
    assert_problem(pair.ada.http.get("/v1/admin/books"), 403, "insufficient-scope")
