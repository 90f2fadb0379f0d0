"""``gopherpay-operator plan`` against Novu: it tells, and changes nothing."""

import pytest
import yaml

from gopherpay_operator import novu_wishes
from gopherpay_operator.backends.novu import NovuThings
from gopherpay_operator.cli.main import run
from gopherpay_operator.cli.novu_plans import KEY_VARIABLE
from gopherpay_operator.plans.novu import Surroundings
from gopherpay_operator.plans.novu_marks import owners
from gopherpay_operator.resources.novu import NovuTopicSpec
from tests.contracts.operator.conftest import Operator
from tests.contracts.operator.novu import CALLS, client_of
from tests.doubles.novu.server import novu_double

REF = {"connectionRef": {"name": "dev"}}
TOPIC = {
    "apiVersion": "gopherpay.dev/v1alpha1",
    "kind": "NovuTopic",
    "metadata": {"name": "payers", "namespace": "pay"},
    "spec": {**REF, "name": "All who pay"},
}
ELSEWHERE = {
    "apiVersion": "gopherpay.dev/v1alpha1",
    "kind": "NovuLayout",
    "metadata": {"name": "plain", "namespace": "pay"},
    "spec": {
        **REF,
        "name": "Plain",
        "content": {"configMapKeyRef": {"name": "layouts", "key": "plain.html"}},
    },
}


@pytest.fixture
def file(tmp_path):
    written = tmp_path / "novu.yaml"
    written.write_text(yaml.safe_dump_all([TOPIC, ELSEWHERE]))
    return written


@pytest.fixture
def double():
    with novu_double() as running:
        yield running


def plan(file, *options):
    return run(["plan", "-f", str(file), "--cluster", "one", *options])


def test_what_is_missing_in_novu_is_told_and_not_made(file, double, capfd, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, double.world.secret_key)

    code = plan(file, "--novu", double.url)

    told = capfd.readouterr().out
    assert code == 2
    assert "payers" in told
    assert "1 of 1 resources differ." in told
    assert "NovuLayout/plain is not planned from here." in told
    assert {each.asked.method for each in double.exchanges} == {"GET"}
    assert double.world.secret_key not in told


def test_what_is_in_novu_as_it_is_written_is_success(file, double, capfd, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, double.world.secret_key)
    claim = "one/pay/payers"
    around = Surroundings(owners=owners("one", [claim]))
    wish = novu_wishes.topic("payers", NovuTopicSpec.model_validate(TOPIC["spec"]), around)
    with client_of(double) as client:
        Operator(NovuThings(client, CALLS["topic"]()), claim).reconcile(wish)

    assert plan(file, "--novu", double.url) == 0
    assert "0 of 1 resources differ." in capfd.readouterr().out


@pytest.mark.parametrize(
    ("key", "options", "complaint"),
    [
        ("", ["--novu", "http://127.0.0.1:9"], KEY_VARIABLE),
        ("a-key", [], "give --novu"),
        ("tell-nobody", ["--novu", "http://127.0.0.1:9"], "Novu"),
    ],
)
def test_what_cannot_be_planned_is_said_in_a_sentence(
    file, key, options, complaint, capfd, monkeypatch
):
    monkeypatch.setenv(KEY_VARIABLE, key)

    code = plan(file, *options)

    told = capfd.readouterr().err
    assert code == 1
    assert complaint in told
    assert "Traceback" not in told
    assert "tell-nobody" not in told
