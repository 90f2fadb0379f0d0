"""What Postgres keeps of a password: made and checked here, so that the password never travels.

RFC 5802 (SCRAM), RFC 7677 (with SHA-256), RFC 4013 (SASLprep), and the format of Postgres:
``SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import stringprep
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ITERATIONS: Final = 4096  # RFC 7677 §4, and Postgres's default
SALT_BYTES_MIN: Final = 16
_FORM: Final = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([^:]+):(.+)")
_PROHIBITED: Final[tuple[Callable[[str], bool], ...]] = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """Return the verifier of *password*.

    Raises:
        ValueError: If the password is empty, which Postgres would take for none, or the salt is
            short.
    """
    if not password or len(salt) < SALT_BYTES_MIN:
        raise ValueError(f"A verifier needs a password and {SALT_BYTES_MIN} bytes of salt.")
    return _made(password, salt, iterations)


def matches(kept: str | None, password: str) -> bool:
    """Tell whether *kept* is a SCRAM verifier of *password*; an MD5 hash never is."""
    form = _FORM.fullmatch(kept or "")
    if form is None:
        return False
    salt = base64.b64decode(form[2])  # whoever made it may have taken a shorter one
    return hmac.compare_digest(_made(password, salt, int(form[1])), kept or "")


def _made(password: str, salt: bytes, iterations: int) -> str:
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = hashlib.sha256(client).digest()
    return f"SCRAM-SHA-256${iterations}:{_text(salt)}${_text(stored)}:{_text(server)}"


def prepared(password: str) -> bytes:
    """Return *password* by SASLprep, or as it is where that forbids it, as Postgres does."""
    mapped = "".join(
        " " if stringprep.in_table_c12(each) else each
        for each in password
        if not stringprep.in_table_b1(each)
    )
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    forbidden = any(table(each) for each in normal for table in _PROHIBITED)
    return (password if forbidden or not normal or not _is_one_way(normal) else normal).encode()


def _is_one_way(text: str) -> bool:
    """Tell whether *text* keeps the rule on right-to-left letters (RFC 3454 §6)."""
    if not any(stringprep.in_table_d1(each) for each in text):
        return True
    is_mixed = any(stringprep.in_table_d2(each) for each in text)
    return not is_mixed and stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
