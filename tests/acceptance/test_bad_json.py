"""Bodies that cannot be read, or can be and are wrong (rows B01 to B12 and B67)."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.acceptance.conftest import assert_problem, costing_little
from tests.fixtures.platform import a_key

NESTED = 100_000
TOO_LARGE_BYTES = 64 * 1024 + 1

MALFORMED = {
    "B01 not JSON": b"amount=1.00",
    "B01 empty": b"",
    "B01 two values": b"{}{}",
    "B01 single quotes": b"{'amount': '1.00'}",
    "B01 trailing comma": b'{"amount": "1.00",}',
    "B01 comment": b'{"amount": "1.00" /* one */}',
    "B01 control character in a text": b'{"amount": "1\n00"}',
    "B02 cut in the middle": b'{"source_account_id": "0189',
    "B03 one key twice": b'{"amount": "1.00", "amount": "2.00"}',
    "B03 one key twice, once escaped": b'{"amount": "1.00", "\\u0061mount": "2.00"}',
    "B03 one key twice, nested": b'{"metadata": {"a": "1", "a": "2"}}',
    "B04 NaN": b'{"amount": NaN}',
    "B04 Infinity": b'{"amount": Infinity}',
    "B04 -Infinity": b'{"amount": -Infinity}',
    "B05 100,000 brackets": b"[" * NESTED + b"]" * NESTED,
    "B05 100,000 objects": b'{"a":' * NESTED,
    "B05 33 levels": b'{"metadata":' + b"[" * 32 + b"]" * 32 + b"}",
    "B07 invalid UTF-8": b'{"amount": "\xff"}',
    "B07 overlong": b'{"amount": "\xc0\xaf"}',
    "B07 encoded surrogate": b'{"amount": "\xed\xa0\x80"}',
    "B07 UTF-8 with a mark": b'\xef\xbb\xbf{"amount": "1.00"}',
    "B07 UTF-16 with a mark": '{"amount": "1.00"}'.encode("utf-16"),
    "B07 UTF-16 without a mark": '{"amount": "1.00"}'.encode("utf-16-le"),
    "B07 UTF-32": '{"amount": "1.00"}'.encode("utf-32"),
}


def posted(pair, content, content_type="application/json", **more):
    headers = {"Content-Type": content_type, **a_key(), **more}
    return pair.ada.http.post("/v1/transfers", content=content, headers=headers)


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_cannot_be_read_is_malformed(without_effect, content):
    size = len(content)
    expected = (413, "body-too-large") if size >= TOO_LARGE_BYTES else (400, "json-malformed")

    assert_problem(posted(without_effect, content), *expected)


def test_deep_nesting_is_refused_cheaply(without_effect):
    content = b"[" * 30_000 + b"]" * 30_000  # within the size, a thousand times the depth

    with costing_little():
        answer = posted(without_effect, content)

    assert_problem(answer, 400, "json-malformed")


def test_thirty_two_levels_are_still_read(without_effect):
    levels = b"[" * 31 + b"]" * 31

    answer = posted(without_effect, b'{"metadata":' + levels + b"}")

    assert_problem(answer, 422, "validation-failed")


WRONG = {
    "B04 1e400": ('"amount": 1e400', 422, "amount-invalid", None),
    "B06 5,000 digits": (f'"amount": {"9" * 5_000}', 422, "amount-invalid", None),
    "B06 5,000 digits in a text": (f'"description": {"9" * 5_000}', 422, None, "description"),
    "B08 lone surrogate": ('"description": "\\ud800"', 422, None, "description"),
    "B08 surrogates in the wrong order": (
        '"description": "\\udc00\\ud800"',
        422,
        None,
        "description",
    ),
    "B08 lone surrogate in a key": ('"metadata": {"\\ud800": "a"}', 422, None, "metadata"),
    "B09 NUL": ('"description": "a\\u0000b"', 422, None, "description"),
    "B09 NUL in a value": ('"metadata": {"a": "\\u0000"}', 422, None, "metadata"),
    "B09 NUL in the name of a member": ('"\\u0000": "a"', 422, None, ""),
    "B26 number where a text is due": ('"description": 1.5', 422, None, "description"),
    "B27 boolean where a text is due": ('"description": true', 422, None, "description"),
    "a text of 141 characters": (f'"description": "{"a" * 141}"', 422, None, "description"),
    "an amount in an array": ('"metadata": ["a"]', 422, None, "metadata"),
    "17 notes": (
        f'"metadata": {json.dumps({str(n): "" for n in range(17)})}',
        *(422, None, "metadata"),
    ),
    "a note with a name of 41": (f'"metadata": {{"{"a" * 41}": ""}}', 422, None, "metadata"),
    "a note of 201 characters": (f'"metadata": {{"a": "{"a" * 201}"}}', 422, None, "metadata"),
    "a note that is a number": ('"metadata": {"a": 1}', 422, None, "metadata"),
}


@pytest.mark.parametrize(("member", "status", "code", "field"), WRONG.values(), ids=WRONG)
def test_a_value_that_is_readable_and_wrong_names_its_field(
    without_effect, member, status, code, field
):
    body = json.dumps(without_effect.body())
    if member.startswith('"amount"'):
        body = body.replace('"amount": "1.00"', member)
    else:
        body = body[:-1] + f", {member}}}"

    answer = posted(without_effect, body.encode())

    assert_problem(answer, status, code or "validation-failed", field=field)


@pytest.mark.parametrize(
    "name", ["balance", "role", "user_id", "owner_id", "status", "id", "created_at", "tenant"]
)
@pytest.mark.parametrize("value", ["x", None], ids=["text", "null"])
def test_a_field_that_is_not_known_is_refused_and_not_repeated(without_effect, name, value):
    answer = posted(without_effect, json.dumps(without_effect.body(**{name: value})).encode())

    assert_problem(answer, 422, "validation-failed", field="")
    assert f'"{name}"' not in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("content", [b"[]", b'"text"', b"1", b"true", b"null", b"1e400"])
def test_a_body_that_is_no_object_is_wrong(without_effect, content):
    assert_problem(posted(without_effect, content), 422, "validation-failed", field="")


@pytest.mark.parametrize(
    "name", ["source_account_id", "destination_account_id", "amount", "currency"]
)
@pytest.mark.parametrize("absent", [True, False], ids=["absent", "null"])
def test_a_required_field_is_required_and_null_is_absent(without_effect, name, absent):
    body = without_effect.body(**{name: None})
    if absent:
        del body[name]

    answer = posted(without_effect, json.dumps(body).encode())

    assert_problem(answer, 422, "validation-failed", field=name)


@pytest.mark.parametrize(
    "text",
    [
        "01890A5D-AC96-774B-BCCE-B302099A8057",
        "01890a5dac96774bbcceb302099a8057",
        "{01890a5d-ac96-774b-bcce-b302099a8057}",
        "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
        "01890a5d-ac96-774b-bcce-b302099a8057\n",
        "' OR 1=1 --",
        "",
        "1",
    ],
)
def test_a_malformed_id_in_a_body_names_its_field(without_effect, text):
    body = without_effect.body(source_account_id=text)

    answer = posted(without_effect, json.dumps(body).encode())

    assert_problem(answer, 422, "validation-failed", field="source_account_id")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/problem+json",
        "application/jsonp",
        "",
    ],
)
def test_another_content_type_is_not_taken(without_effect, content_type):
    content = json.dumps(without_effect.body()).encode()

    assert_problem(posted(without_effect, content, content_type), 415, "content-type-unsupported")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json;charset=UTF-8", 'Application/JSON; Charset="utf-8"'],
)
def test_json_in_utf8_is_taken_in_any_spelling(platform, content_type):
    person = platform.person()

    answer = person.http.post(
        "/v1/accounts", content=b'{"currency":"USD"}', headers={"Content-Type": content_type}
    )

    assert answer.status_code == 201


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity", "x"])
def test_a_compressed_body_is_not_taken(without_effect, encoding):
    bomb = gzip.compress(b" " * 10_000_000)
    answer = posted(without_effect, bomb, **{"Content-Encoding": encoding})

    assert_problem(answer, 415, "content-type-unsupported")


def test_the_input_is_never_repeated(without_effect):
    secret = "correct-horse-battery"

    answer = posted(
        without_effect, json.dumps(without_effect.body(currency=secret, amount=secret)).encode()
    )

    assert answer.status_code == 422
    assert secret not in answer.text
