"""The options of ``gopherpay load``; each has a variable, so that a Job needs no command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from serve_app.load.plan import ACCOUNTS_MAX, ACCOUNTS_MIN, Scenario

PREFIX: Final = "GOPHERPAY_LOAD_"
CONNECTIONS_MAX: Final = 4_096
CONNECTIONS: Final = 64
RATE_CONNECTIONS: Final = 256
"""With a rate, a slow answer holds up what is due on its own connection: so there are more."""
ACCOUNTS: Final = 1_000
USERS: Final = 8


Which = Annotated[
    Scenario,
    typer.Option(help="Who pays whom.", envvar=f"{PREFIX}SCENARIO"),
]
Connections = Annotated[
    int | None,
    typer.Option(
        help=f"Connections. [default: {CONNECTIONS}, with --rate {RATE_CONNECTIONS}]",
        envvar=f"{PREFIX}CONNECTIONS",
        min=1,
        max=CONNECTIONS_MAX,
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        help="Requests a second, whatever comes back; else each connection waits for its answer.",
        envvar=f"{PREFIX}RATE",
        min=0.1,
        max=1_000_000,
    ),
]
Duration = Annotated[
    str,
    typer.Option(
        help="How long each step is measured: 90, 90s, 5m, 1h.",
        envvar=f"{PREFIX}DURATION",
    ),
]
Ramp = Annotated[
    str,
    typer.Option(
        help="How long connections or rate grow before that.",
        envvar=f"{PREFIX}RAMP",
    ),
]
Accounts = Annotated[
    int | None,
    typer.Option(
        help=f"Accounts to open and fund. [default: {ACCOUNTS:,}, for ping-pong 2]",
        envvar=f"{PREFIX}ACCOUNTS",
        min=ACCOUNTS_MIN,
        max=ACCOUNTS_MAX,
    ),
]
Shards = Annotated[
    str,
    typer.Option(
        help="A step for each number of shard processes: 1,2,4. [default: one step as it is]",
        envvar=f"{PREFIX}SHARDS",
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        help="The deployment. [default: the platform that runs on the data folder]",
        envvar=f"{PREFIX}URL",
    ),
]
ServeUrl = Annotated[
    str | None,
    typer.Option(
        help="Where Serve's scaling API is, for --shards elsewhere.",
        envvar=f"{PREFIX}SERVE_URL",
    ),
]
ServeToken = Annotated[
    str | None,
    typer.Option(
        help="The token of Serve's API.",
        envvar=f"{PREFIX}SERVE_TOKEN",
    ),
]
Deployment = Annotated[
    str,
    typer.Option(
        help="The Serve deployment that --shards scales elsewhere.",
        envvar=f"{PREFIX}DEPLOYMENT",
    ),
]
Users = Annotated[
    int,
    typer.Option(
        help="Users to sign up, by the development mailbox.",
        envvar=f"{PREFIX}USERS",
        min=1,
        max=1_000,
    ),
]
Email = Annotated[
    str | None,
    typer.Option(help="One user that exists, instead.", envvar=f"{PREFIX}EMAIL"),
]
Password = Annotated[
    str | None,
    typer.Option(
        help="The password of that user; better as a variable.",
        envvar=f"{PREFIX}PASSWORD",
    ),
]
ApiKeys = Annotated[
    Path | None,
    typer.Option(
        help="A file of API keys, one a line and user, instead.",
        envvar=f"{PREFIX}API_KEYS",
    ),
]
OperatorKey = Annotated[
    str | None,
    typer.Option(
        help="A key with treasury:write (and admin:read), for deposits; better as a variable. "
        "[default: one is made on the local platform]",
        envvar=f"{PREFIX}OPERATOR_KEY",
    ),
]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", help="Write everything there.", envvar=f"{PREFIX}JSON"),
]
HtmlFile = Annotated[
    Path | None,
    typer.Option(
        "--html",
        help="Write a report with curves there.",
        envvar=f"{PREFIX}HTML",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Only say what would be done.", envvar=f"{PREFIX}DRY_RUN"),
]
