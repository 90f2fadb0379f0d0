import pytest

from serve_app.load.plan import Plan, PlanRefused, Scenario, seconds_of, shards_of


def a_plan(**more):
    wish = {"connections": 64, "rate_per_second": None, "seconds": 30, "ramp_seconds": 3}
    return Plan(**{"scenario": Scenario.UNIFORM, "accounts": 10, "users": 2, **wish, **more})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600), ("0", 0), ("24h", 86_400)],
)
def test_a_time_has_a_unit_or_is_in_seconds(text, seconds):
    assert seconds_of(text, "ramp") == seconds


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "1d", "25h", "5 m"])
def test_what_is_no_time_is_refused_by_the_name_of_its_option(text):
    with pytest.raises(PlanRefused, match="--duration takes"):
        seconds_of(text, "duration")


def test_a_step_that_measures_nothing_is_refused():
    with pytest.raises(PlanRefused):
        seconds_of("0s", "duration", at_least=1)


@pytest.mark.parametrize(("text", "steps"), [("", ()), ("2", (2,)), ("1, 2,4,", (1, 2, 4))])
def test_each_number_of_processes_is_a_step(text, steps):
    assert shards_of(text) == steps


@pytest.mark.parametrize("text", ["0", "65", "a", "1;2", "-1", "1.5"])
def test_what_is_no_number_of_processes_is_refused(text):
    with pytest.raises(PlanRefused, match="--shards takes"):
        shards_of(text)


def test_a_plan_says_whether_the_rate_or_the_answers_set_the_pace():
    assert a_plan().offer == "64 connections, each sends when it was answered"
    assert a_plan(connections=1, rate_per_second=2_500.0).offer == (
        "2,500 requests/s whatever comes back, on 1 connection"
    )


@pytest.mark.parametrize("scenario", Scenario)
def test_a_plan_explains_its_scenario(scenario):
    lines = list(a_plan(scenario=scenario, shards=(1, 2)).lines())

    assert lines[0] == f"Scenario    {scenario}: {scenario.sentence}"
    assert lines[-1].endswith("shard processes: 1, 2")
