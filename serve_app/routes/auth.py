"""Signing up, in and out; and getting in again without the password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from actors.domain.errors import Unauthenticated
from actors.domain.errors_identity import PasswordWrong, TokenInvalid
from actors.domain.users import LANGUAGES
from actors.identity.registration import Wish
from serve_app.http.access import Public, Session
from serve_app.http.exchange import Answer, accepted, nothing, ok
from serve_app.http.routing import Route
from serve_app.http.texts import Body, Name, Query
from serve_app.routes.credentials import (
    EmailText,
    LanguageText,
    NewPasswordText,
    PasswordText,
    SignedInObject,
    TokenPairObject,
    TokenText,
    UserObject,
    token_pair_object,
    user_object,
)

if TYPE_CHECKING:
    from actors.identity.password_change import Passwords
    from actors.identity.registration import Registration
    from actors.identity.sign_in import SignIn
    from serve_app.http.exchange import Call

TAG: Final = "Authentication"


class NewUser(Body, frozen=True):
    """Who wants to join."""

    email: EmailText
    password: NewPasswordText
    full_name: Name
    language: LanguageText | None = None


class Proof(Body, frozen=True):
    """The token of the mail."""

    token: TokenText


class Credentials(Body, frozen=True):
    """Who wants to sign in."""

    email: EmailText
    password: PasswordText


class Refresh(Body, frozen=True):
    """The newest refresh token of a session."""

    refresh_token: TokenText


class Logout(Body, frozen=True):
    """Whether every session ends, or this one."""

    all: bool | None = None


class PasswordChange(Body, frozen=True):
    """The password of now and of from now on."""

    current_password: PasswordText
    new_password: NewPasswordText


class Forgotten(Body, frozen=True):
    """Whose password is forgotten."""

    email: EmailText


class PasswordReset(Body, frozen=True):
    """The token of the mail, and the password of from now on."""

    token: TokenText
    new_password: NewPasswordText


class VerificationSent(msgspec.Struct, frozen=True):
    """Look into your mail; the answer is the same for an address that is taken."""

    status: Literal["verification_sent"] = "verification_sent"


class ResetSent(msgspec.Struct, frozen=True):
    """Look into your mail; the answer is the same for an address that nobody has."""

    status: Literal["reset_sent"] = "reset_sent"


class Auth:
    """The endpoints of ``/v1/auth``."""

    def __init__(self, registration: Registration, sign_in: SignIn, passwords: Passwords) -> None:
        self._registration = registration
        self._sign_in = sign_in
        self._passwords = passwords

    async def register(self, call: Call[NewUser, Query]) -> Answer:
        """Send a mail that confirms the address."""
        body = call.body
        await self._registration.register(
            Wish(body.email, body.full_name, body.password, body.language or LANGUAGES[0]),
            source=call.source_address,
        )
        return accepted(VerificationSent())

    async def verify(self, call: Call[Proof, Query]) -> Answer:
        """Make the user active."""
        return ok(user_object(await self._registration.verify(call.body.token)))

    async def login(self, call: Call[Credentials, Query]) -> Answer:
        """Open a session."""
        signed_in = await self._sign_in.login(
            call.body.email, call.body.password, source=call.source_address
        )
        pair = token_pair_object(signed_in.tokens)
        return ok(
            SignedInObject(
                access_token=pair.access_token,
                token_type=pair.token_type,
                expires_in=pair.expires_in,
                refresh_token=pair.refresh_token,
                user=user_object(signed_in.user),
            )
        )

    async def refresh(self, call: Call[Refresh, Query]) -> Answer:
        """Give the next pair of tokens."""
        return ok(token_pair_object(await self._sign_in.refresh(call.body.refresh_token)))

    async def logout(self, call: Call[Logout | None, Query]) -> Answer:
        """End this session, or all."""
        everywhere = bool(call.body and call.body.all)
        await self._sign_in.logout(call.principal, everywhere=everywhere)
        return nothing()

    async def change_password(self, call: Call[PasswordChange, Query]) -> Answer:
        """Replace the password and end the other sessions."""
        body = call.body
        await self._passwords.change(call.principal, body.current_password, body.new_password)
        return nothing()

    async def forgot(self, call: Call[Forgotten, Query]) -> Answer:
        """Send a reset token, if there is such a user."""
        await self._passwords.forgot(call.body.email, source=call.source_address)
        return accepted(ResetSent())

    async def reset(self, call: Call[PasswordReset, Query]) -> Answer:
        """Replace the password by the token of the mail."""
        await self._passwords.reset(call.body.token, call.body.new_password)
        return nothing()


def routes(auth: Auth) -> list[Route]:
    """Return the routes of authentication."""
    return [*_joining(auth), *_sessions(auth), *_of_a_session(auth), *_forgotten(auth)]


def _joining(auth: Auth) -> list[Route]:
    """Return the routes of people who are new."""
    shared: dict[str, Any] = {"method": "POST", "access": Public(), "tag": TAG}
    return [
        Route(
            path="/v1/auth/register",
            endpoint=auth.register,
            summary="Sign up",
            body=NewUser,
            answers={202: VerificationSent},
            example={
                "email": "ada@example.com",
                "password": "correct horse battery staple",
                "full_name": "Ada Lovelace",
            },
            notes="A mail confirms the address within 15 minutes.",
            **shared,
        ),
        Route(
            path="/v1/auth/verify",
            endpoint=auth.verify,
            summary="Confirm the address",
            body=Proof,
            answers={200: UserObject},
            problems=(TokenInvalid,),
            **shared,
        ),
    ]


def _sessions(auth: Auth) -> list[Route]:
    """Return the routes of sessions."""
    public: dict[str, Any] = {"method": "POST", "access": Public(), "tag": TAG}
    return [
        Route(
            path="/v1/auth/login",
            endpoint=auth.login,
            summary="Sign in",
            body=Credentials,
            answers={200: SignedInObject},
            problems=(Unauthenticated,),
            notes="Whatever is wrong, the answer is the same 401.",
            **public,
        ),
        Route(
            path="/v1/auth/refresh",
            endpoint=auth.refresh,
            summary="Stay signed in",
            body=Refresh,
            answers={200: TokenPairObject},
            problems=(Unauthenticated,),
            notes="A used token gives its successor again for ten seconds, then ends the session.",
            **public,
        ),
    ]


def _of_a_session(auth: Auth) -> list[Route]:
    """Return the routes of people who are signed in."""
    private: dict[str, Any] = {"method": "POST", "access": Session(), "tag": TAG}
    return [
        Route(
            path="/v1/auth/logout",
            endpoint=auth.logout,
            summary="Sign out",
            body=Logout,
            body_optional=True,
            answers={204: None},
            example={"all": True},
            notes="The session's tokens are dead everywhere within five seconds.",
            **private,
        ),
        Route(
            path="/v1/auth/password",
            endpoint=auth.change_password,
            summary="Change the password",
            body=PasswordChange,
            answers={204: None},
            problems=(PasswordWrong,),
            notes="Ends every other session.",
            **private,
        ),
    ]


def _forgotten(auth: Auth) -> list[Route]:
    """Return the routes of people who cannot sign in."""
    public: dict[str, Any] = {"method": "POST", "access": Public(), "tag": TAG}
    return [
        Route(
            path="/v1/auth/password/forgot",
            endpoint=auth.forgot,
            summary="Ask for a new password",
            body=Forgotten,
            answers={202: ResetSent},
            notes="The answer is the same whether or not there is such a user.",
            **public,
        ),
        Route(
            path="/v1/auth/password/reset",
            endpoint=auth.reset,
            summary="Choose a new password",
            body=PasswordReset,
            answers={204: None},
            problems=(TokenInvalid,),
            notes="Ends every session.",
            **public,
        ),
    ]
