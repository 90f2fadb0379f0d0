"""``gopherpay load``: put load on a deployment, and prove that nothing was lost."""

from __future__ import annotations

import asyncio
import subprocess
import time
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from serve_app.cli import load_options as given
from serve_app.cli import terminal
from serve_app.cli.load_target import Given, Target, check_books, find_target
from serve_app.cli.options import DataDir, PostgresUrl, load_settings
from serve_app.embedded.failures import StartFailure
from serve_app.load.api import Api, check_ready, client
from serve_app.load.engine import EngineMissing, find_engine
from serve_app.load.plan import Plan, PlanRefused, Scenario, seconds_of, shards_of
from serve_app.load.report import Outcome
from serve_app.load.steps import Course
from serve_app.load.town import keys_in, log_in, settle, sign_up

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from serve_app.cli.terminal import Terminal
    from serve_app.load.steps import Shards, Step


@dataclass(frozen=True, slots=True)
class Senders:
    """Users that exist; where there are none, new ones sign up."""

    email: str | None
    password: str | None
    keys: tuple[str, ...]

    def count(self, wanted: int) -> int:
        """Return how many users there will be, where *wanted* new ones would sign up."""
        return len(self.keys) or (wanted if self.email is None else 1)


@dataclass(frozen=True, slots=True)
class Files:
    """Where the outcome is written."""

    json: Path | None
    html: Path | None

    def check(self) -> None:
        """Make sure that they can be written, before anything takes long.

        Raises:
            FileRefused: If one cannot.
        """
        for file in filter(None, (self.json, self.html)):
            try:
                file.open("a", encoding="utf-8").close()
            except OSError as error:
                raise FileRefused(
                    f"The file {file} cannot be written: {error.strerror}."
                ) from error

    def write(self, outcome: Outcome, console: Console) -> None:
        """Write what is wanted and say where it is."""
        if self.json is not None:
            self.json.write_text(outcome.json_text(), encoding="utf-8")
            console.print(f"Everything is in {self.json}.", markup=False)
        if self.html is not None:
            self.html.write_text(outcome.html_text(), encoding="utf-8")
            console.print(f"The report with curves is {self.html}.", markup=False)


class FileRefused(StartFailure):
    """The outcome cannot be written where it should be."""


def load(  # noqa: PLR0913  a parameter an option, as typer reads them
    *,
    scenario: given.Which = Scenario.UNIFORM,
    connections: given.Connections = None,
    rate: given.Rate = None,
    duration: given.Duration = "30s",
    ramp: given.Ramp = "3s",
    accounts: given.Accounts = None,
    shards: given.Shards = "",
    url: given.Url = None,
    serve_url: given.ServeUrl = None,
    serve_token: given.ServeToken = None,
    deployment: given.Deployment = "AccountShard",
    data_dir: DataDir = None,
    postgres_url: PostgresUrl = None,
    users: given.Users = given.USERS,
    email: given.Email = None,
    password: given.Password = None,
    api_keys: given.ApiKeys = None,
    operator_key: given.OperatorKey = None,
    json: given.JsonFile = None,
    html: given.HtmlFile = None,
    dry_run: given.DryRun = False,
) -> int:
    """Put load on a deployment; exit 1 if the books are wrong or a transfer is missing."""
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    target = find_target(settings, Given(url, operator_key, serve_url, serve_token, deployment))
    senders = _senders(email, password, api_keys)
    accounts = accounts or (2 if scenario is Scenario.PING_PONG else given.ACCOUNTS)
    plan = Plan(
        scenario=scenario,
        connections=connections or (given.RATE_CONNECTIONS if rate else given.CONNECTIONS),
        rate_per_second=rate,
        seconds=seconds_of(duration, "duration", at_least=1),
        ramp_seconds=seconds_of(ramp, "ramp"),
        accounts=accounts,
        users=min(senders.count(users), accounts),
        shards=shards_of(shards),
    )
    if dry_run:
        return show_plan(plan, target, terminal.terminal())
    return run(plan, target, senders, Files(json, html))


def show_plan(plan: Plan, target: Target, shown: Terminal) -> int:
    """Print what would be done, and what is missing for it."""
    books = "not verified by us" if target.dsn is None else "verified from the database"
    shown.out.print(f"Deployment  {target.url}", markup=False)
    for line in plan.lines():
        shown.out.print(line, markup=False)
    shown.out.print(f"Books       {books}", markup=False)
    for name, find in (("Engine", engine_version), ("Funded by", target.funder)):
        shown.out.print(f"{name:11} {_found(find)}", markup=False)
    if plan.shards:
        shown.out.print(f"Scaled by   {_found(target.scaler)}", markup=False)
    return 0


def run(plan: Plan, target: Target, senders: Senders, files: Files) -> int:
    """Carry the plan out, show what came of it, and return the exit code."""
    shown = terminal.terminal()
    files.check()
    engine = engine_version()
    shards = target.shards() if plan.shards else None
    operator_key = target.operator_key()
    began_at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    with terminal.progress() as say:
        steps = asyncio.run(_carry_out(plan, target.url, senders, operator_key, shards, say))
    ended = time.monotonic()
    shown.out.print(_figures(steps))
    _print_errors(steps, shown.out)
    books = check_books(target, shown, lambda: time.monotonic() - ended)
    outcome = Outcome(target.url, began_at, engine, plan, steps, books)
    shown.out.print(f"The books: {books.verdict}. {books.how}", markup=False)
    files.write(outcome, shown.out)
    for failure in outcome.failures:
        terminal.complain(failure)
    return 1 if outcome.failures else 0


def _found(find: Callable[[], str]) -> str:
    """Return what *find* finds, else why it finds nothing."""
    try:
        return find()
    except StartFailure as failure:
        return f"MISSING: {failure}"


def engine_version() -> str:
    """Return which k6 there is.

    Raises:
        EngineMissing: If there is none, or it does not start.
    """
    try:
        said = subprocess.run(  # noqa: S603  a program that we looked up
            [find_engine(), "version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineMissing(f"The load engine k6 does not start: {error}.") from error
    return " ".join(said.stdout.split()[:2])


def _senders(email: str | None, password: str | None, api_keys: Path | None) -> Senders:
    """Return the users that are given.

    Raises:
        PlanRefused: If they are half given.
    """
    if (email is None) != (password is None):
        raise PlanRefused(
            "--email and --password (GOPHERPAY_LOAD_PASSWORD) go together; give both or neither."
        )
    if email is not None and api_keys is not None:
        raise PlanRefused("Give either --email or --api-keys, not both.")
    return Senders(email, password, () if api_keys is None else keys_in(api_keys))


async def _carry_out(  # noqa: PLR0917  what one load needs
    plan: Plan,
    url: str,
    senders: Senders,
    operator_key: str,
    shards: Shards | None,
    say: Callable[[str], None],
) -> list[Step]:
    async with client(url) as http:
        api = Api(http, say)
        await check_ready(api)
        users = await _users(api, senders, plan, say)
        town = await settle(api, users, plan.accounts, operator_key, say)
        return await Course(find_engine(), api, url, plan, town, shards, say).run()


async def _users(
    api: Api, senders: Senders, plan: Plan, say: Callable[[str], None]
) -> tuple[str, ...]:
    if senders.keys:
        return senders.keys[: plan.accounts]
    if senders.email is not None and senders.password is not None:
        return (await log_in(api, senders.email, senders.password),)
    return await sign_up(api, plan.users, say)


def _figures(steps: Sequence[Step]) -> Table:
    table = Table(title="What came of it", caption="milliseconds; the ramp left out")
    for name in ("shards", "answers/s", "p50", "p90", "p95", "p99", "p99.9", "max", "not sent"):
        table.add_column(name, justify="left" if name == "shards" else "right")
    for step in steps:
        rate, *times = astuple(step.figures)[2:]
        table.add_row(
            str(step.shards or "as it is"),
            f"{rate:,.0f}",
            *(f"{each:,.1f}" for each in times),
            f"{step.unsent:,}",
        )
    return table


def _print_errors(steps: Sequence[Step], console: Console) -> None:
    for step in steps:
        for code, times in step.errors.items():
            console.print(f"{step.name}: {times:,} times {code}", markup=False)
        console.print(
            f"{step.name}: {step.checked:,} of {step.acknowledged:,} acknowledged transfers looked "
            f"up, {len(step.missing):,} missing",
            markup=False,
        )
