"""The key folder is made once, kept as it is, and tells what is wrong with it."""

from __future__ import annotations

import json
from base64 import b64encode

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from actors.security.keys import (
    KeysUnusable,
    ensure_keys,
    jwks,
    key_id,
    load_keys,
    load_public_keys,
)

FILES = {"jwt-ed25519.pem", "kek", "pepper", "email-lookup", "refresh"}


@pytest.fixture
def folder(tmp_path):
    """Return a folder with fresh keys."""
    ensure_keys(tmp_path / "keys")
    return tmp_path / "keys"


def test_the_first_start_makes_every_key_for_the_owner_alone(folder):
    assert {path.name for path in folder.iterdir()} == FILES
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_later_start_changes_nothing(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    ensure_keys(folder)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_only_the_missing_key_is_made_again(folder):
    kept = (folder / "kek").read_bytes()
    lost = (folder / "refresh").read_bytes()
    (folder / "refresh").unlink()

    ensure_keys(folder)

    assert (folder / "kek").read_bytes() == kept
    assert (folder / "refresh").read_bytes() != lost


def test_all_keys_differ(folder):
    ring = load_keys(folder)

    secrets = {ring.kek.key, ring.pepper.key, ring.email_lookup.key, ring.refresh.key}
    assert len(secrets) == 4
    assert {len(secret) for secret in secrets} == {32}


def test_a_renamed_key_keeps_its_id_and_still_opens(folder):
    before = load_keys(folder)
    for name in ("kek", "pepper", "jwt-ed25519.pem"):
        stem, dot, suffix = name.partition(".")
        (folder / name).rename(folder / f"{stem}.2026{dot}{suffix}")
    ensure_keys(folder)

    after = load_keys(folder)

    assert after.kek.id != before.kek.id
    assert after.keks[before.kek.id] == before.kek
    assert after.peppers[before.pepper.id] == before.pepper
    assert set(after.verifying) == {before.signing_id, after.signing_id}
    assert len(set(after.verifying)) == 2


def test_public_keys_alone_suffice_to_verify(folder, tmp_path):
    public = load_keys(folder).signing.public_key()
    (tmp_path / "jwt-ed25519.pem").write_bytes(
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )

    assert set(load_public_keys(tmp_path)) == {key_id(public)}
    with pytest.raises(KeysUnusable):
        load_keys(tmp_path)


def test_the_published_set_is_read_by_a_library_and_holds_nothing_private(folder):
    ring = load_keys(folder)
    published = jwks(ring.verifying)

    read = jwt.PyJWKSet.from_json(json.dumps(published))

    assert [key.key_id for key in read.keys] == [ring.signing_id]
    assert published["keys"][0].keys() == {"kty", "crv", "x", "kid", "use", "alg"}


def test_the_key_id_is_the_thumbprint_of_the_standard():
    """RFC 8037, appendix A.3."""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    key = jwt.PyJWK({"kty": "OKP", "crv": "Ed25519", "x": x}).key

    assert key_id(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_key_is_named(folder, name):
    (folder / name).unlink()

    with pytest.raises(KeysUnusable, match=name.removesuffix(".pem")):
        load_keys(folder)


@pytest.mark.parametrize("content", [b"", b"!!!", b64encode(b"short"), b64encode(b"x" * 33)])
@pytest.mark.parametrize("name", ["kek", "pepper", "email-lookup", "refresh"])
def test_a_broken_secret_is_named_and_not_shown(folder, name, content):
    (folder / name).write_bytes(content)

    with pytest.raises(KeysUnusable, match=name) as refused:
        load_keys(folder)

    assert not content or content.decode() not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_broken_signing_key_is_named(folder, content):
    (folder / "jwt-ed25519.pem").write_bytes(content)

    with pytest.raises(KeysUnusable, match="jwt-ed25519"):
        load_keys(folder)


def test_a_signing_key_of_another_kind_is_refused(folder):
    (folder / "jwt-ed25519.pem").write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

    with pytest.raises(KeysUnusable, match="Ed25519"):
        load_keys(folder)


def test_no_secret_shows_in_a_representation(folder):
    ring = load_keys(folder)

    for secret in (ring.kek, ring.pepper, ring.refresh):
        assert repr(secret.key) not in repr(ring)
