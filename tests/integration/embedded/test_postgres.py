import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from serve_app.embedded.account import postgres_account
from serve_app.embedded.failures import FolderUnusable, PostgresFailed
from serve_app.embedded.ports import free_port
from serve_app.embedded.postgres import DURABLE_SETTINGS, EmbeddedPostgres

FAST_START = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}

KILLED_RUN = """
import os, sys
from pathlib import Path
from serve_app.embedded.postgres import EmbeddedPostgres
folder = Path(sys.argv[1])
server = EmbeddedPostgres(
    folder / "postgres", port=int(sys.argv[2]), log_file=folder / "log", settings={"fsync": "off"}
)
server.start()
print(server.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def servers(cluster_folder):
    """Return a factory of servers on one data folder, all stopped afterwards."""
    made = []

    def a_server(**settings):
        server = EmbeddedPostgres(
            cluster_folder / "postgres",
            port=free_port(),
            log_file=cluster_folder / "log",
            settings={**FAST_START, **settings},
        )
        made.append(server)
        return server

    yield a_server
    for server in made:
        server.stop()


def ask(server, statement):
    with psycopg.connect(server.superuser_dsn, autocommit=True) as connection:
        return connection.execute(statement).fetchone()[0]


def tell(server, statement):
    with psycopg.connect(server.superuser_dsn, autocommit=True) as connection:
        connection.execute(statement)


def test_a_second_start_finds_the_data(servers):
    first = servers()
    first.start()
    tell(first, "CREATE TABLE kept AS SELECT 42 AS answer")
    first.stop()

    second = servers()
    second.start()

    assert ask(second, "SELECT answer FROM kept") == 42


def test_stopping_ends_the_server(servers):
    server = servers()
    server.start()
    pid = server.pid
    server.stop()

    assert not server.is_running
    assert not Path(f"/proc/{pid}").exists()


def test_a_server_that_a_killed_run_left_behind_is_ended(servers, cluster_folder):
    finished = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, str(cluster_folder), str(free_port())],
        check=False,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == -signal.SIGKILL, finished.stderr
    orphan = int(finished.stdout)

    server = servers()
    server.start()

    assert server.pid != orphan
    assert ask(server, "SELECT 1") == 1


def test_a_pid_file_that_names_a_stranger_does_not_block(servers, cluster_folder):
    first = servers()
    first.start()
    pid_file = cluster_folder / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    first.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    postgres_account().own(pid_file)

    second = servers()
    second.start()

    assert ask(second, "SELECT 1") == 1


def test_a_killed_server_can_be_started_again_on_its_port(servers):
    server = servers()
    server.start()
    before = server.superuser_dsn
    os.kill(server.pid, signal.SIGKILL)
    while server.is_running:
        os.sched_yield()

    server.start()

    assert server.superuser_dsn == before
    assert ask(server, "SELECT 1") == 1


def test_what_money_needs_is_on_by_default():
    assert {DURABLE_SETTINGS[name] for name in ("fsync", "full_page_writes")} == {"on"}
    assert DURABLE_SETTINGS["synchronous_commit"] == "on"


def test_it_listens_on_loopback_alone_and_asks_for_the_password(servers):
    server = servers()
    server.start()

    assert ask(server, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(server, "SHOW unix_socket_directories") == ""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.superuser_dsn.replace("gopherpay:", "gopherpay:wrong", 1))


def test_the_password_is_for_our_eyes_only(servers, cluster_folder):
    servers().start()

    assert (cluster_folder / "postgres" / "password").stat().st_mode & 0o777 == 0o600


def test_a_refused_setting_is_named_with_the_log(servers, cluster_folder):
    server = servers(shared_buffers="lots")

    with pytest.raises(PostgresFailed, match="shared_buffers") as failure:
        server.start()

    assert str(cluster_folder / "log") in str(failure.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as another account")
def test_a_folder_that_the_other_account_cannot_reach_is_said_in_one_sentence(cluster_folder):
    cluster_folder.chmod(0o700)
    server = EmbeddedPostgres(
        cluster_folder / "postgres", port=free_port(), log_file=cluster_folder / "log"
    )

    with pytest.raises(FolderUnusable, match="'nobody', which may not pass through"):
        server.start()
