"""``gopherpay scale``: change how many processes do one kind of work, while they do it."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final

import typer

from actors.domain.errors import StoreUnavailable
from actors.domain.slots import SLOT_COUNT
from actors.store.pool import Pool
from actors.store.slots import PostgresSlots
from serve_app.cli import terminal
from serve_app.cli.options import DataDir, load_settings
from serve_app.embedded.data_folder import find_running
from serve_app.load.serve import ScalingRefused, ServeApi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.settings import Settings
    from serve_app.embedded.data_folder import Running

SPREAD_SECONDS_MAX: Final = 180
"""A process starts within seconds; slots then move a part at a time, so that few wait at once."""
LOOK_SECONDS: Final = 0.5

scale = typer.Typer(help="Change how many processes do one kind of work.", no_args_is_help=True)

TOKEN_VARIABLE: Final = "RAY_AUTH_TOKEN"  # noqa: S105 - its name
"""Ray's own variable for the token of a cluster; KubeRay sets it in every pod."""

ServeUrl = Annotated[
    str | None,
    typer.Option(
        "--serve-url",
        help="Serve's own interface where no platform runs on the data folder, as in a pod of Ray.",
        show_default=False,
    ),
]
Processes = Annotated[int, typer.Argument(help="How many processes.", min=1, max=64)]


@scale.callback()
def _group() -> None:
    """Keep the name of the kind of work, also while there is only one."""


@scale.command("shards")
def shards(processes: Processes, data_dir: DataDir = None, serve_url: ServeUrl = None) -> None:
    """Set how many processes hold account actors; transfers go on meanwhile.

    Where the actors live inside the ingress, these are the ingress processes.
    """
    settings = load_settings(data_dir=data_dir)
    api, app_dsn = _target(settings, serve_url)
    api.scale(processes)
    with terminal.progress() as say:
        asyncio.run(wait_until_spread(settings, app_dsn, processes, say))
    whom = "one process" if processes == 1 else f"{processes} processes, in equal parts"
    terminal.out().print(f"All {SLOT_COUNT} slots are held by {whom}.")


def _target(settings: Settings, serve_url: str | None) -> tuple[ServeApi, str]:
    """Return whom to ask for processes, and the database in which to see what became of it.

    Raises:
        ScalingRefused: If no platform runs on the data folder, and none is named with its database.
    """
    if serve_url is not None and settings.postgres_url is None:
        raise ScalingRefused("GOPHERPAY_POSTGRES_URL must say where the slots are.")
    if serve_url is not None:
        token = os.environ.get(TOKEN_VARIABLE)
        return ServeApi(serve_url, token, shard_deployment(settings)), settings.app_dsn
    running = find_running(settings.data_dir)
    if running is None:
        raise ScalingRefused(f"No platform runs on the data folder {settings.data_dir}.")
    return serve_api(settings, running), running.app_dsn


def shard_deployment(settings: Settings) -> str:
    """Return the name of the deployment whose processes hold account actors."""
    return "AccountShard" if settings.shard_place == "deployment" else "Ingress"


def serve_api(settings: Settings, running: Running) -> ServeApi:
    """Return Serve's own interface to the shards of the running platform."""
    token = (settings.data_dir / "keys" / "ray-token").read_text(encoding="ascii")
    return ServeApi(running.dashboard_url, token, running.shard_deployment)


async def wait_until_spread(
    settings: Settings, app_dsn: str, count: int, say: Callable[[str], None]
) -> None:
    """Wait until *count* processes hold all slots in equal parts.

    Raises:
        ScalingRefused: If that takes too long, or the database does not answer.
    """
    pool = Pool(app_dsn, size_max=1, name="gopherpay-scale")
    seen = ""
    try:
        await pool.open()
        slots = PostgresSlots(pool, lease_seconds=settings.slot_lease_seconds)
        async with asyncio.timeout(SPREAD_SECONDS_MAX):
            while True:
                held = Counter(owner.owner for owner in (await slots.owners()).values())
                if is_spread(held, count):
                    return
                before, seen = seen, f"{len(held)} of {count} processes hold {held.total()} slots"
                if seen != before:
                    say(seen)
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        raise ScalingRefused(f"After {SPREAD_SECONDS_MAX} s only {seen}.") from error
    except StoreUnavailable as error:
        raise ScalingRefused("The database does not answer.") from error
    finally:
        await pool.close()


def is_spread(held: Mapping[str, int], count: int) -> bool:
    """Tell whether *count* owners hold all slots, none of them more than its share."""
    share = -(-SLOT_COUNT // count)
    return len(held) == count and sum(held.values()) == SLOT_COUNT and max(held.values()) <= share
