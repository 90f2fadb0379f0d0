"""What would be done to a thing in Novu."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.plans.actions import Action, Reason, Refused, counted
from gopherpay_operator.plans.novu import PRODUCTION, NovuIntegration, NovuThing
from gopherpay_operator.plans.novu_actions import (
    ChangeInNovu,
    ClaimInNovu,
    CreateInNovu,
    DeleteInNovu,
    MakePrimary,
    ReleaseInNovu,
    SendCredentials,
)

if TYPE_CHECKING:
    from gopherpay_operator.plans.novu import NovuState
    from gopherpay_operator.plans.observed import Found

PUBLISHED: Final = frozenset({"workflow", "layout"})
"""What comes to Production by being published, and is not written there."""

_STEP_KEY: Final = "stepId"


def forbidden(desired: NovuThing, _: Found[NovuState]) -> Refused | None:
    """Return why nothing is done to it: Production takes workflows and layouts only published."""
    around = desired.around
    if around.is_leaving or around.environment != PRODUCTION or desired.what not in PUBLISHED:
        return None
    return Refused(
        Reason.NOT_SUPPORTED,
        f"{desired.what.capitalize()} '{desired.name}' is not written in Production: there it is "
        "what was published. Write it through the connection of Development, and bring it over by "
        "a NovuPromotion.",
    )


def create(desired: NovuThing, _: Found[NovuState], claim: str) -> list[Action]:
    """Return how it comes to be; it carries the mark of its owner from the beginning."""
    return [CreateInNovu(desired, claim), *_primary(desired, is_primary=False)]


def differences(desired: NovuThing, found: Found[NovuState]) -> list[Action]:
    """Return what makes the thing what it shall be, and what cannot."""
    state = found.state
    assert state is not None  # noqa: S101 - the planner asks only about what is there
    refused = _other_provider(desired, state)
    if refused is not None:
        return [refused]
    paths = tuple(differing(state.document, desired.document))
    return [
        *([ChangeInNovu(desired, paths, found.claim)] if paths else []),
        *_credentials(desired, state),
        *_primary(desired, is_primary=state.is_primary),
    ]


def own(desired: NovuThing, claim: str) -> Action:
    """Return how the thing becomes ours."""
    return ClaimInNovu(desired, claim)


def release(desired: NovuThing, claim: str) -> Action:
    """Return how the thing stops being ours."""
    return ReleaseInNovu(desired, claim)


def drop(desired: NovuThing, found: Found[NovuState], _: str) -> list[Action]:
    """Return how it goes away, or why it does not."""
    state = found.state
    if state is None:
        return []
    if state.used_by:
        return [
            Refused(
                Reason.IN_USE,
                f"Layout '{desired.name}' is not deleted: "
                f"{counted(state.used_by, 'workflow')} still use it. Take it out of them first.",
            )
        ]
    return [DeleteInNovu(desired, state.id, found.claim)]


def is_half_made(_: NovuThing, __: Found[NovuState]) -> bool:
    """Tell whether it is the rest of a creation that was cut off: the mark says so."""
    return False


def may_lose_data(_: NovuThing, __: Found[NovuState], *, is_named: bool) -> bool:
    """Tell whether steps that lose data are allowed."""
    return is_named


def differing(live: object, wanted: object, path: str = "") -> list[str]:
    """Return the paths at which two documents differ; steps are known by their stepId."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        keys = sorted(live.keys() | wanted.keys())
        return [
            each
            for key in keys
            for each in differing(live.get(key), wanted.get(key), f"{path}.{key}" if path else key)
        ]
    if _is_steps(live) and _is_steps(wanted):
        return _differing_steps(live, wanted, path)
    return [] if live == wanted else [path]


def _is_steps(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(each, dict) and _STEP_KEY in each for each in value
    )


def _differing_steps(live: Any, wanted: Any, path: str) -> list[str]:  # noqa: ANN401 - JSON
    """Return where two lists of steps differ: what was moved, came or went counts as a whole."""
    found = []
    for has, wants in zip_longest(live, wanted):
        key = (wants or has)[_STEP_KEY]
        is_same = has is not None and wants is not None and has[_STEP_KEY] == key
        found += differing(has, wants, f"{path}[{key}]") if is_same else [f"{path}[{key}]"]
    return found


def _other_provider(desired: NovuThing, state: NovuState) -> Refused | None:
    if not isinstance(desired, NovuIntegration):
        return None
    if (desired.provider, desired.channel) == (state.provider, state.channel):
        return None
    return Refused(
        Reason.IMMUTABLE,
        f"Integration '{desired.name}' is of provider {state.provider} for {state.channel}, and "
        f"Novu cannot make it {desired.provider} for {desired.channel}. Choose another "
        "externalName.",
    )


def _credentials(desired: NovuThing, state: NovuState) -> list[Action]:
    if not isinstance(desired, NovuIntegration) or desired.credentials is None:
        return []
    lacks_hmac = desired.wants_hmac and state.has_hmac is False
    if state.sent == desired.credentials.fingerprint and not lacks_hmac:
        return []
    return [SendCredentials(desired)]


def _primary(desired: NovuThing, *, is_primary: bool) -> list[Action]:
    if not isinstance(desired, NovuIntegration) or is_primary or not desired.is_primary:
        return []
    return [MakePrimary(desired)]
