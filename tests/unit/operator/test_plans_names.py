"""Some names are nobody's to manage, whatever the policies say."""

import pytest

from gopherpay_operator.plans.actions import Reason
from gopherpay_operator.plans.desired import EventTopic, PostgresDatabase, PostgresRole
from gopherpay_operator.plans.observed import Found
from gopherpay_operator.plans.planning import plan
from gopherpay_operator.plans.policy import Adoption, Deletion, Policy

EVERYTHING_ALLOWED = {"adoption": Adoption.ALWAYS, "deletion": Deletion.DELETE}


@pytest.mark.parametrize("is_deleting", [False, True])
@pytest.mark.parametrize(
    "desired",
    [
        EventTopic("__consumer_offsets", 1),
        PostgresDatabase("postgres", "app"),
        PostgresDatabase("template1", "app"),
        PostgresRole("pg_read_all_data"),
        PostgresRole("public"),
    ],
)
def test_what_belongs_to_the_server_is_never_managed(desired, is_deleting):
    policy = Policy(
        "one/pay/it",
        is_deleting=is_deleting,
        allow_destroy=desired.name,
        **EVERYTHING_ALLOWED,
    )

    found = plan(desired, Found(), policy)

    assert [each.reason for each in found.refusals] == [Reason.NAME_RESERVED]
    assert found.steps == ()


@pytest.mark.parametrize(
    "desired",
    [
        PostgresDatabase("ledger", "app", name_prefix="pay_"),
        PostgresRole("app", name_prefix="pay_"),
    ],
)
def test_a_connection_can_ask_for_a_prefix(desired):
    [refused] = plan(desired, Found(), Policy("one/pay/it")).actions

    assert refused.reason is Reason.NAME_WITHOUT_PREFIX


def test_settings_that_sound_like_secrets_are_not_shown():
    desired = PostgresDatabase("ledger", "app", settings={"app.api_token": "tell-nobody"})

    found = plan(desired, Found(), Policy("one/pay/it"))

    assert "tell-nobody" not in repr(found.actions) + " ".join(found.sentences)
    assert any("app.api_token" in each and "***" in each for each in found.sentences)
