import pytest

from actors.settings import Settings, production_refusals

SAFE_PRODUCTION = {
    "profile": "production",
    "postgres_url": "postgresql://app@db/gopherpay",
    "keys_dir": "/keys",
}


def test_an_option_goes_before_a_variable(monkeypatch):
    monkeypatch.setenv("GOPHERPAY_PORT", "9001")

    assert Settings().port == 9001
    assert Settings(port=9002).port == 9002


def test_another_process_comes_to_the_same_settings(monkeypatch):
    chosen = Settings(
        port=9003, postgres_url="postgresql://u:p@h/d", docs_open=False, bcrypt_cost=14
    )
    for name, value in chosen.environment().items():
        monkeypatch.setenv(name, value)

    assert Settings() == chosen


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1


def test_a_secret_is_not_printed():
    assert "hunter2" not in repr(Settings(postgres_url="postgresql://u:hunter2@h/d"))


def test_one_address_serves_both_roles_and_the_application_steps_down():
    settings = Settings(postgres_url="postgresql://owner@h/d?sslmode=require")

    assert settings.owner_dsn == "postgresql://owner@h/d?sslmode=require"
    assert settings.app_dsn.endswith("?sslmode=require&options=-c%20role%3Dgopherpay_app")


def test_two_addresses_are_taken_as_they_are():
    settings = Settings(postgres_url="postgresql://a@h/d", postgres_owner_url="postgresql://o@h/d")

    assert (settings.app_dsn, settings.owner_dsn) == ("postgresql://a@h/d", "postgresql://o@h/d")


def test_development_shows_everything_and_production_nothing():
    development, production = Settings(), Settings(**SAFE_PRODUCTION)

    assert (development.serves_docs, development.serves_mailbox) == (True, True)
    assert (production.serves_docs, production.serves_mailbox) == (False, False)
    assert (development.throttle_factor, production.throttle_factor) == (10, 1)


def test_a_safe_production_is_allowed():
    assert production_refusals(Settings(**SAFE_PRODUCTION)) == []


@pytest.mark.parametrize(
    ("unsafe", "clause"),
    [
        ({"postgres_url": None}, "embedded Postgres"),
        ({"keys_dir": None}, "keys made by itself"),
        ({"docs_open": True}, "open documentation"),
        ({"mailbox_open": True}, "open mailbox"),
        ({"bcrypt_cost": 11}, "bcrypt"),
    ],
)
def test_production_refuses_what_is_for_development_only(unsafe, clause):
    [refusal] = production_refusals(Settings(**(SAFE_PRODUCTION | unsafe)))

    assert clause in refusal
