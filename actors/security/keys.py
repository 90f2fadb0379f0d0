"""The key folder: made on first start, read by every process that needs a key.

A folder holds, mode 600 each, the live keys ``jwt-ed25519.pem``, ``kek``, ``pepper``,
``email-lookup`` and ``refresh``.  To rotate, rename ``kek`` to ``kek.<anything>`` and start
again: the new key seals, the old one still opens.  Likewise ``pepper`` and
``jwt-ed25519.<anything>.pem``.  Ids are made from the keys, so a rename changes none.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from actors.security import base64url

if TYPE_CHECKING:
    from pathlib import Path

SECRET_BYTES: Final = 32
SIGNING_KEY: Final = "jwt-ed25519"
SECRET_NAMES: Final = ("kek", "pepper", "email-lookup", "refresh")


class KeysUnusable(Exception):
    """The key folder lacks a key, or holds one that cannot be read; the text names the file."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A symmetric key and the id by which stored values name it."""

    id: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every key of the platform; the live one of each kind, and those that still open.

    Attributes:
        signing_id: The RFC 7638 thumbprint of the live signing key.
        verifying: Public keys by id, the live one among them.
        keks: Key-encryption keys by id; peppers likewise.
    """

    signing_id: str
    signing: Ed25519PrivateKey = field(repr=False)
    verifying: Mapping[str, Ed25519PublicKey]
    kek: Secret
    keks: Mapping[str, Secret]
    pepper: Secret
    peppers: Mapping[str, Secret]
    email_lookup: Secret
    refresh: Secret

    def email_index(self, canonical_address: str) -> bytes:
        """Return the keyed hash by which an address is looked up."""
        return hmac.digest(self.email_lookup.key, canonical_address.encode(), "sha256")


def ensure_keys(folder: Path) -> None:
    """Make the folder and every key that is missing; an existing key is never touched."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / f"{SIGNING_KEY}.pem").exists():
        pem = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        _write_once(folder / f"{SIGNING_KEY}.pem", pem)
    for name in SECRET_NAMES:
        if not (folder / name).exists():
            _write_once(folder / name, b64encode(secrets.token_bytes(SECRET_BYTES)) + b"\n")


def load_keys(folder: Path) -> KeyRing:
    """Read every key of *folder*.

    Raises:
        KeysUnusable: If one is missing or broken.
    """
    signing = _pem(folder / f"{SIGNING_KEY}.pem")
    if not isinstance(signing, Ed25519PrivateKey):
        raise KeysUnusable(f"{folder / SIGNING_KEY}.pem holds a public key only")
    kek, pepper, lookup, refresh = (_secret(folder / name) for name in SECRET_NAMES)
    return KeyRing(
        signing_id=key_id(signing.public_key()),
        signing=signing,
        verifying=load_public_keys(folder),
        kek=kek,
        keks=_all_of(folder, "kek"),
        pepper=pepper,
        peppers=_all_of(folder, "pepper"),
        email_lookup=lookup,
        refresh=refresh,
    )


def load_public_keys(folder: Path) -> dict[str, Ed25519PublicKey]:
    """Read every key that may have signed a token; public or private PEM files.

    Raises:
        KeysUnusable: If there is none, or one is broken.
    """
    public = [_public(path) for path in sorted(folder.glob(f"{SIGNING_KEY}*.pem"))]
    if not public:
        raise KeysUnusable(f"{folder} holds no {SIGNING_KEY}.pem")
    return {key_id(key): key for key in public}


def key_id(key: Ed25519PublicKey) -> str:
    """Return the JWK thumbprint of *key* (RFC 7638, with RFC 8037 §2 for the members)."""
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{_x(key)}"}}'
    return base64url.encode(hashlib.sha256(jwk.encode()).digest())


def jwks(verifying: Mapping[str, Ed25519PublicKey]) -> dict[str, list[dict[str, str]]]:
    """Return the published key set (RFC 7517)."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": _x(key),
                "kid": kid,
                "use": "sig",
                "alg": "EdDSA",
            }
            for kid, key in verifying.items()
        ]
    }


def _x(key: Ed25519PublicKey) -> str:
    return base64url.encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def _public(path: Path) -> Ed25519PublicKey:
    key = _pem(path)
    return key.public_key() if isinstance(key, Ed25519PrivateKey) else key


def _pem(path: Path) -> Ed25519PrivateKey | Ed25519PublicKey:
    pem = _read(path)
    try:
        key = (
            load_pem_private_key(pem, password=None)
            if b"PRIVATE KEY" in pem
            else load_pem_public_key(pem)
        )
    except (TypeError, ValueError, UnsupportedAlgorithm) as broken:
        raise KeysUnusable(f"{path} is no PEM key without a password") from broken
    if not isinstance(key, (Ed25519PrivateKey, Ed25519PublicKey)):
        raise KeysUnusable(f"{path} holds no Ed25519 key")
    return key


def _all_of(folder: Path, name: str) -> dict[str, Secret]:
    found = [_secret(path) for path in (folder / name, *sorted(folder.glob(f"{name}.*")))]
    return {secret.id: secret for secret in found}


def _secret(path: Path) -> Secret:
    try:
        key = b64decode(_read(path).strip(), validate=True)
    except Base64Error as broken:
        raise KeysUnusable(f"{path} is not base64") from broken
    if len(key) != SECRET_BYTES:
        raise KeysUnusable(f"{path} holds {len(key)} bytes, not {SECRET_BYTES}")
    return Secret(hmac.digest(key, b"gopherpay key id", "sha256").hex()[:8], key)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as unreadable:
        raise KeysUnusable(f"{path} cannot be read: {unreadable.strerror}") from unreadable


def _write_once(path: Path, content: bytes) -> None:
    """Write *path* in one step, unless somebody else was quicker: theirs then stands."""
    half = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(half, path)
    half.unlink()
