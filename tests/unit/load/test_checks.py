import httpx
import pytest

from serve_app.load.api import Api, Refused, Unreachable, check_ready
from serve_app.load.checks import missing
from serve_app.load.tally import Answer
from serve_app.load.town import Town, TownFailed, keys_in, settle, sign_up

TOWN = Town(users=("key-a", "key-b"), accounts=("one", "two"))
BUSY = {"code": "overloaded"}


def an_api(answer, said=None):
    """Return the API in front of a function that answers."""
    transport = httpx.MockTransport(answer)
    http = httpx.AsyncClient(transport=transport, base_url="http://deployment")
    return Api(http, (said if said is not None else []).append)


def acknowledged(*ids):
    return [Answer(0, "T", 201, 1.0, place % 2, each) for place, each in enumerate(ids)]


async def test_a_transfer_that_is_not_found_is_missing():
    def answer(request):
        found = request.url.path.rpartition("/")[2]
        if found == "lost":
            return httpx.Response(404, json={"code": "not-found"})
        return httpx.Response(200, json={"id": found, "status": "posted"})

    assert await missing(an_api(answer), TOWN, acknowledged("here", "lost", "there")) == ["lost"]


async def test_another_transfer_than_the_acknowledged_one_is_missing():
    def answer(_request):
        return httpx.Response(200, json={"id": "another", "status": "posted"})

    assert await missing(an_api(answer), TOWN, acknowledged("mine")) == ["mine"]


async def test_each_transfer_is_asked_for_by_the_user_who_made_it():
    asked = {}

    def answer(request):
        found = request.url.path.rpartition("/")[2]
        asked[found] = request.headers["Authorization"]
        return httpx.Response(200, json={"id": found, "status": "posted"})

    await missing(an_api(answer), TOWN, acknowledged("a", "b"))

    assert asked == {"a": "Bearer key-a", "b": "Bearer key-b"}


async def test_a_check_that_is_refused_is_no_proof_of_anything():
    with pytest.raises(Refused, match="403 insufficient-scope"):
        await missing(
            an_api(lambda _request: httpx.Response(403, json={"code": "insufficient-scope"})),
            TOWN,
            acknowledged("a"),
        )


async def test_a_busy_deployment_is_asked_again_and_the_wait_is_said():
    answers = [httpx.Response(503, json=BUSY, headers={"Retry-After": "0"})]
    answers += [httpx.Response(200, json={"status": "ok"})]
    said = []

    await check_ready(an_api(lambda _request: answers.pop(0), said))

    assert said == ["GET /readyz waits 0 s: overloaded"]


async def test_a_deployment_that_wants_an_hour_is_not_waited_for():
    wait = httpx.Response(429, json={"code": "rate-limited"}, headers={"Retry-After": "3600"})

    with pytest.raises(TownFailed, match=r"User 1 of 2 cannot sign up.*rate-limited"):
        await sign_up(an_api(lambda _request: wait), 2, print)


@pytest.mark.parametrize("body", ["<html></html>", '{"status": "fine"}', "[]"])
async def test_another_program_at_the_address_is_told_apart(body):
    with pytest.raises(Unreachable, match="is no GopherPay"):
        await check_ready(an_api(lambda _request: httpx.Response(200, text=body)))


async def test_a_closed_mailbox_names_the_other_ways_to_users():
    def answer(request):
        return httpx.Response(404 if "mailbox" in request.url.path else 202, json={})

    with pytest.raises(TownFailed, match=r"--email and --password.*--api-keys FILE"):
        await sign_up(an_api(answer), 1, print)


async def test_a_key_that_does_not_open_the_treasury_names_the_scope():
    def answer(request):
        if request.url.path == "/v1/deposits":
            return httpx.Response(403, json={"code": "insufficient-scope"})
        return httpx.Response(201, json={"id": "an-account"})

    with pytest.raises(TownFailed, match="needs the scope treasury:write"):
        await settle(an_api(answer), ("key",), 3, "weak", print)


def test_a_file_holds_one_key_a_line(tmp_path):
    file = tmp_path / "keys"
    file.write_text("# mine\ngp_a\n\n gp_b \n")

    assert keys_in(file) == ("gp_a", "gp_b")


@pytest.mark.parametrize("text", ["", "# only a remark\n"])
def test_a_file_without_keys_is_refused(tmp_path, text):
    file = tmp_path / "keys"
    file.write_text(text)

    with pytest.raises(TownFailed, match="holds no key"):
        keys_in(file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TownFailed, match="cannot be read"):
        keys_in(tmp_path / "nowhere")
