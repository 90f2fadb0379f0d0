import pytest

from actors.settings import Settings
from serve_app.cli.main import run
from serve_app.cli.scale import is_spread, shard_deployment


@pytest.mark.parametrize(
    "held", [{"a": 1024}, {"a": 512, "b": 512}, {"a": 342, "b": 342, "c": 340}]
)
def test_equal_parts_of_everything_are_spread(held):
    assert is_spread(held, len(held))


@pytest.mark.parametrize(
    "held", [{}, {"a": 1024}, {"a": 512, "b": 500}, {"a": 600, "b": 424}, {"a": 1, "b": 1, "c": 1}]
)
def test_a_missing_owner_slot_or_balance_is_not_spread(held):
    assert not is_spread(held, 2)


@pytest.mark.parametrize(
    ("place", "deployment"), [("ingress", "Ingress"), ("deployment", "AccountShard")]
)
def test_shards_are_scaled_where_they_live(place, deployment):
    assert shard_deployment(Settings(shard_place=place)) == deployment


@pytest.mark.parametrize(
    ("postgres_url", "complaint"),
    [
        (None, "GOPHERPAY_POSTGRES_URL must say where the slots are"),
        ("postgresql://127.0.0.1:1/x", "Serve's scale API did not answer"),
    ],
)
def test_a_named_interface_that_cannot_be_used_is_said(
    capsys, monkeypatch, postgres_url, complaint
):
    if postgres_url is not None:
        monkeypatch.setenv("GOPHERPAY_POSTGRES_URL", postgres_url)

    code = run(["scale", "shards", "2", "--serve-url", "http://127.0.0.1:1"])

    assert code == 1
    assert complaint in " ".join(capsys.readouterr().err.split())
