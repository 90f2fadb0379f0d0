"""Logs of the code under test are in pytest's report, and a test leaves them as they are."""

import threading

import pytest
import structlog

from tests.fixtures.logs import captured, left_alone


@pytest.fixture
def log():
    return structlog.get_logger("tests")


def test_an_event_is_reported_and_never_printed(log, caplog, capfd):
    log.info("account.opened", number=1)
    try:
        int("spoiled")
    except ValueError:
        log.exception("account.lost")

    assert caplog.messages[0] == "account.opened number=1"
    assert caplog.messages[1].startswith("account.lost\n")
    assert "ValueError: invalid literal" in caplog.messages[1]
    assert capfd.readouterr() == ("", "")


def test_events_of_this_thread_can_be_captured(log, caplog):
    elsewhere = threading.Thread(target=log.info, args=["identity.swept"])
    with left_alone(), captured() as said:
        log.info("account.opened", number=1)
        elsewhere.start()
        elsewhere.join()

    log.info("account.closed")
    assert said == [{"event": "account.opened", "log_level": "info", "number": 1}]
    assert caplog.messages == ["account.closed"]


@pytest.mark.parametrize(
    "change",
    [
        {"processors": []},
        {"logger_factory": structlog.PrintLoggerFactory()},
        {"wrapper_class": structlog.make_filtering_bound_logger(50)},
        {"cache_logger_on_first_use": True},
    ],
)
def test_another_configuration_that_is_left_behind_is_a_failure_and_is_put_back(change):
    before = structlog.get_config()

    with pytest.raises(pytest.fail.Exception, match="configured otherwise"), left_alone():
        structlog.configure(**change)

    assert structlog.get_config() == before


def test_processors_that_are_left_changed_are_a_failure_and_are_put_back(log, caplog):
    with pytest.raises(pytest.fail.Exception, match="configured otherwise"), left_alone():
        structlog.get_config()["processors"].clear()

    log.info("account.opened", number=1)
    assert caplog.messages == ["account.opened number=1"]
