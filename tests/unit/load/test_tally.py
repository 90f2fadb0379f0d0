import pytest

from serve_app.load.tally import SAMPLED_MAX, Answer, Tally, percentile


def an_answer(offset_ms=0, status=201, latency_ms=1.0, **more):
    return Answer(
        offset_ms,
        status=status,
        latency_ms=latency_ms,
        **{"move": "T", "user": 0, "text": "", **more},
    )


def a_tally(*answers, ramp_seconds=0, seconds=2):
    tally = Tally(ramp_seconds, seconds)
    for answer in answers:
        tally.add(answer)
    return tally


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 50), (90, 90), (99, 99), (99.9, 100), (100, 100), (0, 1)]
)
def test_a_percentile_is_a_value_that_was_seen(percent, expected):
    assert percentile(range(1, 101), percent) == expected


def test_there_is_no_percentile_of_nothing():
    assert percentile([], 99) == 0


def test_the_rate_is_of_good_answers_in_the_measured_time():
    tally = a_tally(*(an_answer(offset_ms=100 * n) for n in range(20)), an_answer(status=503))

    assert tally.figures().rate_per_second == 10
    assert tally.figures().good == 20


def test_the_ramp_is_no_part_of_the_figures_but_is_seen_by_second():
    tally = a_tally(
        an_answer(offset_ms=500, latency_ms=99), an_answer(offset_ms=1500), ramp_seconds=1
    )

    assert tally.figures().max_ms == 1
    assert [moment.p99_ms for moment in tally.moments()] == [99, 1, 0]


def test_an_answer_after_the_end_has_its_latency_but_no_part_in_the_rate():
    figures = a_tally(an_answer(offset_ms=0), an_answer(offset_ms=2_100, latency_ms=70)).figures()

    assert figures.rate_per_second == 0.5
    assert figures.max_ms == 70


def test_a_refusal_is_counted_by_its_code_and_has_no_latency():
    tally = a_tally(
        an_answer(status=503, text="overloaded", latency_ms=500),
        an_answer(status=503, text="overloaded"),
        an_answer(status=0, text="timed-out"),
    )

    assert tally.errors == {"overloaded": 2, "timed-out": 1}
    assert tally.moment(0).errors == 3
    assert tally.figures().max_ms == 0


def test_a_read_promises_no_money():
    tally = a_tally(an_answer(status=200, move="A"), an_answer(text="made"))

    assert tally.acknowledged == 1
    assert [answer.text for answer in tally.sample] == ["made"]
    assert tally.figures().transfers == 1


def test_the_sample_is_bounded_and_reaches_to_the_end():
    tally = a_tally(*(an_answer(text=str(n)) for n in range(10 * SAMPLED_MAX)))
    places = [int(answer.text) for answer in tally.sample]

    assert tally.acknowledged == 10 * SAMPLED_MAX
    assert len(set(places)) == SAMPLED_MAX
    assert min(places) < SAMPLED_MAX
    assert max(places) > 8 * SAMPLED_MAX
