"""Access tokens: what is ours and valid now passes, nothing else does."""

from __future__ import annotations

import json
import time
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.errors import Unauthenticated
from actors.security import base64url
from actors.security.access_tokens import Session, TokenIssuer, TokenVerifier
from actors.security.keys import key_id

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
NEXT = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
KID, NEXT_KID = key_id(KEY.public_key()), key_id(NEXT.public_key())
NOW = 1_800_000_000
ISSUER, AUDIENCE = "https://issuer.test", "gopherpay"
SESSION = Session(UUID(int=7), UUID(int=8), UUID(int=9), ("operator",), NOW + 300)
VERIFIER = TokenVerifier(
    {KID: KEY.public_key(), NEXT_KID: NEXT.public_key()}, ISSUER, AUDIENCE, lambda: float(NOW)
)
GOOD = TokenIssuer(KID, KEY, ISSUER, AUDIENCE).issue(SESSION)
CLAIMS = jwt.decode(GOOD, options={"verify_signature": False})
HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": KID}
PUBLIC_PEM = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
PUBLIC_DER = KEY.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)
PUBLIC_RAW = KEY.public_key().public_bytes_raw()
ABSENT = object()


def signed(header_text, payload_text, key=KEY):
    """Return a token with a good signature over any header and payload."""
    message = f"{_encoded(header_text)}.{_encoded(payload_text)}"
    return f"{message}.{base64url.encode(key.sign(message.encode()))}"


def _encoded(text):
    return base64url.encode(text if isinstance(text, bytes) else text.encode())


def with_claims(**changes):
    """Return a well-signed token whose claims differ by *changes*."""
    claims = {k: v for k, v in {**CLAIMS, **changes}.items() if v is not ABSENT}
    return signed(json.dumps(HEADER), json.dumps(claims))


def with_header(key=KEY, **changes):
    """Return a well-signed token whose header differs by *changes*."""
    header = {k: v for k, v in {**HEADER, **changes}.items() if v is not ABSENT}
    return signed(json.dumps(header), json.dumps(CLAIMS), key)


def hmac_signed(secret):
    """Return a token signed with public material as if it were a shared secret."""
    message = f"{_encoded(json.dumps({**HEADER, 'alg': 'HS256'}))}.{_encoded(json.dumps(CLAIMS))}"
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{message}.{base64url.encode(algorithm.sign(message.encode(), secret))}"


HEADER_PART, PAYLOAD_PART, SIGNATURE_PART = GOOD.split(".")
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256K1())

BAD = {
    "empty": "",
    "one equals sign": GOOD + "=",
    "two equals signs": GOOD + "==",
    "a space before": " " + GOOD,
    "a space after": GOOD + " ",
    "a newline after": GOOD + "\n",
    "quotes": f'"{GOOD}"',
    "braces": "{" + GOOD + "}",
    "two parts": f"{HEADER_PART}.{PAYLOAD_PART}",
    "no signature": f"{HEADER_PART}.{PAYLOAD_PART}.",
    "five parts": f"{GOOD}.{SIGNATURE_PART}.{SIGNATURE_PART}",
    "256 KB": signed(json.dumps(HEADER), json.dumps({**CLAIMS, "x": "y" * 256_000})),
    "not ASCII": GOOD[:-1] + "é",
    "another alphabet": signed(json.dumps(HEADER), json.dumps(CLAIMS)).replace("_", "/") + "+",
    "alg none": f"{_encoded(json.dumps({**HEADER, 'alg': 'none'}))}.{PAYLOAD_PART}.AA",
    "alg None": with_header(alg="None"),
    "alg nOnE": with_header(alg="nOnE"),
    "alg empty": with_header(alg=""),
    "alg in lower case": with_header(alg="eddsa"),
    "alg Ed25519": with_header(alg="Ed25519"),
    "alg missing": with_header(alg=ABSENT),
    "alg null": with_header(alg=None),
    "alg a list": with_header(alg=["EdDSA"]),
    "HS256 by public PEM": hmac_signed(PUBLIC_PEM),
    "HS256 by public DER": hmac_signed(PUBLIC_DER),
    "HS256 by raw public key": hmac_signed(PUBLIC_RAW),
    "RS256": jwt.encode(CLAIMS, RSA_KEY, "RS256", {"kid": KID, "typ": "at+jwt"}),
    "ES256K": jwt.encode(CLAIMS, EC_KEY, "ES256K", {"kid": KID, "typ": "at+jwt"}),
    "another key under our kid": with_header(key=OTHER),
    "one live key under the other's kid": with_header(key=NEXT),
    "an unknown kid": with_header(kid="unknown"),
    "kid a path": with_header(kid="../../../dev/null"),
    "kid SQL": with_header(kid="' OR 1=1 --"),
    "kid of 10 KB": with_header(kid="k" * 10_000),
    "kid missing": with_header(kid=ABSENT),
    "kid a number": with_header(kid=1),
    "kid a list": with_header(kid=[KID]),
    "jwk in the header": with_header(jwk={"kty": "OKP", "crv": "Ed25519", "x": "AA"}),
    "jku in the header": with_header(jku="https://attacker.test/jwks"),
    "x5u in the header": with_header(x5u="https://attacker.test/cert"),
    "x5c in the header": with_header(x5c=["AA"]),
    "unknown crit": with_header(crit=["exp"], exp=1),
    "b64 false": with_header(crit=["b64"], b64=False),
    "zip": with_header(zip="DEF"),
    "typ JWT": with_header(typ="JWT"),
    "typ missing": with_header(typ=ABSENT),
    "typ in upper case": with_header(typ="AT+JWT"),
    "header no object": signed("[]", json.dumps(CLAIMS)),
    "header no JSON": signed("{", json.dumps(CLAIMS)),
    "header not UTF-8": signed(b"\xff", json.dumps(CLAIMS)),
    "header nested deep": signed("[" * 1_000, json.dumps(CLAIMS)),
    "kid twice": signed(f'{{"alg":"EdDSA","typ":"at+jwt","kid":"x","kid":"{KID}"}}', "{}"),
    "payload no object": signed(json.dumps(HEADER), "[]"),
    "payload no JSON": signed(json.dumps(HEADER), "nonsense"),
    "payload nested deep": signed(json.dumps(HEADER), "[" * 1_500),
    "a claim twice": signed(json.dumps(HEADER), json.dumps(CLAIMS)[:-1] + f',"exp":{NOW + 200}}}'),
    "exp missing": with_claims(exp=ABSENT),
    "exp now": with_claims(exp=NOW),
    "exp past": with_claims(exp=NOW - 1),
    "exp text": with_claims(exp=str(NOW + 60)),
    "exp a float": with_claims(exp=NOW + 60.5),
    "exp boolean": with_claims(exp=True),
    "exp far": with_claims(exp=NOW + 3_000),
    "exp huge": with_claims(exp=10**30),
    "exp NaN": signed(json.dumps(HEADER), json.dumps(CLAIMS).replace(str(CLAIMS["exp"]), "NaN")),
    "exp infinite": signed(
        json.dumps(HEADER), json.dumps(CLAIMS).replace(str(CLAIMS["exp"]), "Infinity")
    ),
    "iat missing": with_claims(iat=ABSENT),
    "iat future": with_claims(iat=NOW + 60, exp=NOW + 300),
    "iat boolean": with_claims(iat=True),
    "nbf missing": with_claims(nbf=ABSENT),
    "nbf future": with_claims(nbf=NOW + 60),
    "nbf text": with_claims(nbf=str(NOW)),
    "iss wrong": with_claims(iss="https://attacker.test"),
    "iss missing": with_claims(iss=ABSENT),
    "iss a list": with_claims(iss=[ISSUER]),
    "aud wrong": with_claims(aud="another"),
    "aud missing": with_claims(aud=ABSENT),
    "aud a list": with_claims(aud=[AUDIENCE]),
    "aud ours and another": with_claims(aud=[AUDIENCE, "another"]),
    "sub missing": with_claims(sub=ABSENT),
    "sub no id": with_claims(sub="root"),
    "sub a number": with_claims(sub=7),
    "jti missing": with_claims(jti=ABSENT),
    "jti no id": with_claims(jti=""),
    "sid missing": with_claims(sid=ABSENT),
    "sid null": with_claims(sid=None),
    "roles missing": with_claims(roles=ABSENT),
    "roles text": with_claims(roles="operator"),
    "roles of numbers": with_claims(roles=[1]),
    "a refresh token": "gpr_" + "A" * 70,
    "an API key": "gpk_" + "A" * 64,
    "a JWE": ".".join([_encoded('{"alg":"dir","enc":"A256GCM"}'), "", "AA", "AA", "AA"]),
    "a JWE by PBES2": ".".join(
        [_encoded('{"alg":"PBES2-HS256+A128KW","p2c":1000000000}')] + ["AA"] * 4
    ),
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD.keys())
def test_a_bad_token_is_refused_at_once(token):
    started_at = time.thread_time()
    with pytest.raises(Unauthenticated) as refused:
        VERIFIER.verify(token)

    assert time.thread_time() - started_at < 0.01
    assert refused.value.facts() == {}


def test_a_good_token_says_what_was_signed():
    assert VERIFIER.verify(GOOD) == SESSION


def test_both_live_keys_verify_while_keys_rotate():
    assert VERIFIER.verify(TokenIssuer(NEXT_KID, NEXT, ISSUER, AUDIENCE).issue(SESSION)) == SESSION


def test_a_removed_key_verifies_nothing():
    rotated = TokenVerifier({NEXT_KID: NEXT.public_key()}, ISSUER, AUDIENCE, lambda: float(NOW))

    with pytest.raises(Unauthenticated):
        rotated.verify(GOOD)


@pytest.mark.parametrize(("at", "is_valid"), [(-6, False), (-5, True), (299, True), (300, False)])
def test_a_token_lives_five_minutes_and_clocks_may_differ_a_little(at, is_valid):
    verifier = TokenVerifier(VERIFIER.keys, ISSUER, AUDIENCE, lambda: float(NOW + at))
    if is_valid:
        assert verifier.verify(GOOD) == SESSION
        return
    with pytest.raises(Unauthenticated):
        verifier.verify(GOOD)


def test_no_flipped_bit_passes():
    """Every one of the token's bits, which are more than a thousand."""
    data = GOOD.encode()
    flips = [(index, bit) for index in range(len(data)) for bit in range(8)]
    assert len(flips) > 1_000
    passed = [flip for flip in flips if _passes(_flipped(data, *flip))]

    assert passed == []


def test_no_flipped_bit_inside_the_signature_passes():
    signature = base64url.decode(SIGNATURE_PART)
    for index in range(len(signature)):
        for bit in range(8):
            other = base64url.encode(_flipped_bytes(signature, index, bit))
            assert not _passes(f"{HEADER_PART}.{PAYLOAD_PART}.{other}")


@given(st.text())
def test_no_text_at_all_breaks_the_verifier(text):
    with pytest.raises(Unauthenticated):
        VERIFIER.verify(text)


def _passes(token):
    try:
        VERIFIER.verify(token)
    except Unauthenticated:
        return False
    return True


def _flipped(data, index, bit):
    return _flipped_bytes(data, index, bit).decode("latin-1")


def _flipped_bytes(data, index, bit):
    return data[:index] + bytes([data[index] ^ (1 << bit)]) + data[index + 1 :]
