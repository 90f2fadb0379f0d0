import pytest

from serve_app.embedded.data_folder import Running, find_running, forget, held, note
from serve_app.embedded.failures import DataFolderBusy, FolderUnusable

A_NOTE = Running(
    pid=1,
    url="http://127.0.0.1:1",
    dashboard_url="http://127.0.0.1:2",
    owner_dsn="o",
    app_dsn="a",
    shard_deployment="d",
)


def test_a_folder_has_one_holder(tmp_path):
    with held(tmp_path), pytest.raises(DataFolderBusy, match="Another GopherPay"), held(tmp_path):
        pass


def test_a_folder_that_was_let_go_can_be_held_again(tmp_path):
    with held(tmp_path):
        pass

    with held(tmp_path):
        assert find_running(tmp_path) is None


def test_a_running_platform_is_found_by_its_note(tmp_path):
    with held(tmp_path):
        note(tmp_path, A_NOTE)

        assert find_running(tmp_path) == A_NOTE


def test_the_note_of_a_killed_platform_is_no_platform(tmp_path):
    with held(tmp_path):
        note(tmp_path, A_NOTE)

    assert find_running(tmp_path) is None


def test_a_stopped_platform_leaves_no_note(tmp_path):
    with held(tmp_path):
        note(tmp_path, A_NOTE)
        forget(tmp_path)

        assert find_running(tmp_path) is None


def test_the_note_is_for_its_owner_only(tmp_path):
    note(tmp_path, A_NOTE)

    assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o600


def test_a_folder_below_a_file_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").touch()

    below = tmp_path / "file" / "data"
    with pytest.raises(FolderUnusable, match=r"used: Not a directory\.$"), held(below):
        pass
