"""A dump is a backup when it was restored: the drill, on a real Postgres."""

import json
from datetime import UTC, datetime

import psycopg
import pytest

from serve_app.cli.main import run
from serve_app.embedded.dumps import comment_marks_out, dumps_in, make_dump, restore_dump

MINUTE = datetime(2030, 1, 31, 2, 0, tzinfo=UTC)


@pytest.fixture
def dumps(tmp_path):
    folder = tmp_path / "dumps"
    folder.mkdir()
    return folder


@pytest.fixture
def drill(capsys, cluster_folder, dumps):
    """Return a function that runs the drill: its code, its report, its complaint."""

    def a_drill(*arguments):
        capsys.readouterr()  # what the backup has said
        data = ("--data-dir", str(cluster_folder))
        code = run(["restore-drill", "--folder", str(dumps), "--json", *data, *arguments])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err

    return a_drill


def backed_up(database, dumps, *arguments):
    url = ("--postgres-url", database.owner_dsn)
    return run(["backup", "--folder", str(dumps), *url, *arguments])


def test_a_backup_is_restored_and_its_books_are_proved(database, dumps, drill):
    assert backed_up(database, dumps) == 0

    code, report, _ = drill("--hours-max", "1")

    assert code == 0
    assert report["is_clean"]
    assert report["dump"] == dumps_in(dumps, "gopherpay")[0].name
    assert report["books"]["accounts"] > 0  # the world's accounts came with it


def test_wrong_books_in_a_backup_fail_the_drill(database, dumps, drill):
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("UPDATE accounts SET balance_minor = balance_minor + 1")
    backed_up(database, dumps)

    code, report, _ = drill()

    assert code == 1
    assert not report["is_clean"]
    assert report["books"]["discrepancies"] > 0


def test_a_torn_dump_fails_the_drill(database, dumps, drill):
    whole = make_dump(database.owner_dsn, dumps, name="gopherpay", now=MINUTE)
    whole.write_bytes(whole.read_bytes()[:-4_000])

    code, report, complaint = drill()

    assert code == 1
    assert report is None
    assert "was not restored" in complaint


def test_an_old_backup_fails_the_drill_that_wants_a_new_one(database, dumps, drill):
    made = make_dump(database.owner_dsn, dumps, name="gopherpay", now=MINUTE.replace(year=2020))

    code, _, complaint = drill("--hours-max", "26")

    assert code == 1
    assert made.name in complaint


def test_no_backup_fails_the_drill(drill):
    code, _, complaint = drill()

    assert code == 1
    assert "holds no dump" in complaint


def test_only_the_newest_dumps_are_kept(database, dumps):
    for year in (2020, 2021, 2022):
        make_dump(database.owner_dsn, dumps, name="gopherpay", now=MINUTE.replace(year=year))

    assert backed_up(database, dumps, "--keep", "2") == 0

    kept = dumps_in(dumps, "gopherpay")
    assert len(kept) == 2
    assert "2022" in kept[0].name


def test_a_dump_that_cannot_be_made_leaves_no_file(dumps):
    code = run(["backup", "--folder", str(dumps), "--postgres-url", "postgresql://127.0.0.1:1/x"])

    assert code == 1
    assert not list(dumps.iterdir())


def test_rights_come_back_with_the_rows(database, empty_database, dumps):
    dump = make_dump(database.owner_dsn, dumps, name="gopherpay", now=MINUTE)

    restore_dump(dump, empty_database.owner_dsn)

    with psycopg.connect(empty_database.app_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM accounts").fetchone()[0] > 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM postings")


def test_marks_that_only_the_own_server_reads_become_comments(tmp_path):
    mark = "ALTER TABLE ONLY public.a ALTER COLUMN id SET (pg_attver=26500880);\n"
    kept = "ALTER TABLE ONLY public.a ALTER COLUMN id SET (n_distinct=5);\nSELECT 1;\n"
    script = tmp_path / "restore.sql"
    script.write_text(mark + kept)

    comment_marks_out(script)

    assert script.read_text() == f"--{mark[2:]}{kept}"
