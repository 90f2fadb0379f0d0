"""All of identity, made from a pool, keys and plain values."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.identity.api_keys import ApiKeys
from actors.identity.authenticator import Authenticator
from actors.identity.mailbox import Mailbox
from actors.identity.password_change import Passwords
from actors.identity.profiles import Profiles
from actors.identity.proof import Proof
from actors.identity.registration import Registration
from actors.identity.revocations import RevocationWatch
from actors.identity.sign_in import SignIn
from actors.identity.throttling import Throttling
from actors.identity.upkeep import keep_house
from actors.identity.vault import Vault
from actors.security.access_tokens import TokenIssuer, TokenVerifier
from actors.security.passwords import HashPool, PasswordHasher
from actors.store.identity.api_keys import ApiKeyStore
from actors.store.identity.everything import identity_store
from actors.store.identity.housekeeping import Housekeeping
from actors.store.identity.revocations import RevocationStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from actors.security.keys import KeyRing
    from actors.store.pool import Pool


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """The chosen values.

    Attributes:
        bcrypt_cost: At least 12 in production.
        hash_threads: How many passwords are hashed at once.
        hash_queue: How many more may wait.
        throttle_factor: How many times the limits of production are allowed.
        public_url: Where people reach the platform, for links in mails.
    """

    issuer: str
    audience: str
    bcrypt_cost: int
    hash_threads: int
    hash_queue: int
    throttle_factor: int
    public_url: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What can be asked, a subject each."""

    registration: Registration
    sign_in: SignIn
    passwords: Passwords
    profiles: Profiles
    api_keys: ApiKeys
    mailbox: Mailbox
    housekeeping: Housekeeping
    hash_pool: HashPool

    async def keep_house(self) -> None:
        """Sweep away what has had its time, until cancelled."""
        await keep_house(self.housekeeping)

    def close(self) -> None:
        """End the threads that hash."""
        self.hash_pool.close()


@dataclass(frozen=True, slots=True)
class Gate:
    """What an ingress needs to know who is asking: no secret key among it.

    ``revocations.run`` belongs in a task for as long as the gate is used.
    """

    authenticator: Authenticator
    revocations: RevocationWatch


def build_identity(pool: Pool, keys: KeyRing, rules: IdentityRules) -> Identity:
    """Return identity on *pool*; nothing connects before the first call."""
    store = identity_store(pool)
    vault = Vault(keys)
    hashes = HashPool(
        PasswordHasher(keys.pepper, keys.peppers, rules.bcrypt_cost),
        threads=rules.hash_threads,
        queue=rules.hash_queue,
    )
    throttling = Throttling(store.throttles, rules.throttle_factor)
    proof = Proof(store.users, hashes, throttling)
    issuer = TokenIssuer(keys.signing_id, keys.signing, rules.issuer, rules.audience)
    return Identity(
        registration=Registration(store, vault, hashes, throttling),
        sign_in=SignIn(store.sessions, vault, proof, issuer),
        passwords=Passwords(store, vault, hashes, proof, throttling),
        profiles=Profiles(store.users, vault, proof),
        api_keys=ApiKeys(store.api_keys, store.users),
        mailbox=Mailbox(store.mails, vault, rules.public_url),
        housekeeping=store.housekeeping,
        hash_pool=hashes,
    )


def build_gate(
    pool: Pool, verifying: Mapping[str, Ed25519PublicKey], *, issuer: str, audience: str
) -> Gate:
    """Return the gate of an ingress on *pool*, with public keys alone."""
    watch = RevocationWatch(RevocationStore(pool), time.monotonic)
    verifier = TokenVerifier(verifying, issuer, audience, time.time)
    return Gate(Authenticator(verifier, ApiKeyStore(pool), watch, clock=time.time), watch)
