"""Integrations: one list for all environments, credentials that may be hidden, one primary."""

from __future__ import annotations

from novu_py import models

from tests.doubles.novu.frame import Call, Refusal, Told, error
from tests.doubles.novu.sites import ORGANIZATION_ID

HAVE_PRIMARY = ("email", "sms")
MASK = "********"


def _shown(world, integration):
    """Return *integration* as it is listed."""
    credentials = world.sites.credentials.get(integration["_id"], {})
    if world.sites.masks_credentials:
        credentials = {
            name: MASK if isinstance(value, str) else value for name, value in credentials.items()
        }
    return {**integration, "credentials": credentials}


def _all(world):
    return [
        _shown(world, each)
        for site in (world.sites.development, world.sites.production)
        for each in site.integrations.values()
    ]


def _one(world, asked):
    found = world.site(asked).find("integrations", asked.arguments[0])
    if found is None:
        raise Refusal(error(asked, 404, f"Entity with id {asked.arguments[0]} not found"))
    return found


def _primary(site, channel):
    return next(
        (
            each
            for each in site.integrations.values()
            if each["channel"] == channel and each["primary"]
        ),
        None,
    )


def listed(world, _asked):
    """List the integrations of all environments."""
    return Told(200, _all(world))


def create(world, asked):
    """Make an integration; the first active one of a channel becomes its primary one."""
    site, wanted = world.site(asked), asked.json()
    if wanted["identifier"] in site.integrations:
        raise Refusal(error(asked, 409, "Integration with identifier already exists"))
    is_inbox = wanted["channel"] == "in_app"
    if is_inbox and any(each["channel"] == "in_app" for each in site.integrations.values()):
        raise Refusal(error(asked, 400, "One environment can only have one In app provider"))
    has_primary = wanted["channel"] in HAVE_PRIMARY and wanted["active"]
    made = {
        "_id": world.new_id(),
        "_environmentId": site.id,
        "_organizationId": ORGANIZATION_ID,
        "name": wanted["name"],
        "identifier": wanted["identifier"],
        "providerId": wanted["providerId"],
        "channel": wanted["channel"],
        "active": wanted["active"],
        "deleted": False,
        "primary": has_primary and _primary(site, wanted["channel"]) is None,
        "conditions": wanted.get("conditions") or [],
    }
    site.integrations[wanted["identifier"]] = made
    world.sites.credentials[made["_id"]] = wanted.get("credentials") or {}
    return Told(201, _shown(world, made))


def update(world, asked):
    """Write what is named; credentials are replaced as a whole."""
    found, wanted = _one(world, asked), asked.json()
    if "credentials" in wanted:
        world.sites.credentials[found["_id"]] = wanted.pop("credentials")
    if not wanted.get("active", found["active"]) or wanted.get("conditions"):
        found["primary"] = False
    found.update({key: wanted[key] for key in ("name", "active", "conditions") if key in wanted})
    return Told(200, _shown(world, found))


def delete(world, asked):
    """Delete an integration, and list what is left."""
    del world.site(asked).integrations[_one(world, asked)["identifier"]]
    return Told(200, _all(world))


def set_primary(world, asked):
    """Make it the primary one of its channel."""
    found = _one(world, asked)
    if found["channel"] not in HAVE_PRIMARY:
        raise Refusal(error(asked, 400, f"Channel {found['channel']} does not support primary"))
    before = _primary(world.site(asked), found["channel"])
    if before is not None:
        before["primary"] = False
    found.update(primary=True, active=True, conditions=[])
    return Told(200, _shown(world, found))


_ONE = "/v1/integrations/{integrationId}"
_SHOWN = {200: models.IntegrationResponseDto}
_LISTED = {200: list[models.IntegrationResponseDto]}

CALLS = [
    Call("GET", "/v1/integrations", listed, gives=_LISTED),
    Call(
        "POST",
        "/v1/integrations",
        create,
        models.CreateIntegrationRequestDto,
        {201: models.IntegrationResponseDto},
    ),
    Call("PUT", _ONE, update, models.UpdateIntegrationRequestDto, _SHOWN),
    Call("DELETE", _ONE, delete, gives=_LISTED),
    Call("POST", f"{_ONE}/set-primary", set_primary, gives=_SHOWN),
]
