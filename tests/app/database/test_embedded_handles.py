"""Which processes use an embedded server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from app.database import EmbeddedPostgres
from app.database.embedded_handles import HANDLES, living_handles, own_handle, write_handles
from tests.support.databases import folder_of_a_server


def test_a_process_that_has_the_number_of_a_killed_one_is_another(tmp_path: Path) -> None:
    """As in a container, where this very process may have it."""
    own = own_handle()
    assert own.pid == os.getpid()
    write_handles(tmp_path, [own, own._replace(started=own.started - 100), own])
    assert living_handles(tmp_path) == [own, own]


def test_a_killed_process_with_a_number_in_use_does_not_keep_the_server() -> None:
    with folder_of_a_server() as above:
        folder = above / "postgres"
        with EmbeddedPostgres(folder):
            own = own_handle()
            write_handles(folder, [own._replace(started=own.started - 100), own])
        assert not (folder / "postmaster.pid").exists()
        assert json.loads((folder / HANDLES).read_text()) == []


def test_a_process_that_has_ended_holds_nothing(tmp_path: Path) -> None:
    """Also where its parent has not noticed that yet."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as ended:
        process = psutil.Process(ended.pid)
        handle = own_handle()._replace(pid=ended.pid, started=round(process.create_time() - psutil.boot_time(), 2))
        write_handles(tmp_path, [handle])
        assert living_handles(tmp_path) == [handle]
        ended.kill()
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert process.status() == psutil.STATUS_ZOMBIE
        assert living_handles(tmp_path) == []
    assert living_handles(tmp_path) == []


def test_numbers_alone_are_read(tmp_path: Path) -> None:
    """As earlier versions wrote them: a process that started later is not meant."""
    file = tmp_path / HANDLES
    file.write_text(json.dumps([os.getpid()]))
    assert living_handles(tmp_path) == [own_handle()]
    before = psutil.Process().create_time() - 60
    os.utime(file, (before, before))
    assert living_handles(tmp_path) == []


@pytest.mark.parametrize("content", ["", "[[1", "{}", "7", "null", '["a"]', "[[1]]", "[null]"])
def test_what_cannot_be_understood_is_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / HANDLES).write_text(content)
    assert living_handles(tmp_path) == []
    write_handles(tmp_path, [own_handle()])
    assert living_handles(tmp_path) == [own_handle()]


def test_an_empty_file_does_not_keep_the_server_from_starting() -> None:
    with folder_of_a_server() as above:
        folder = above / "postgres"
        with EmbeddedPostgres(folder):
            pass
        (folder / HANDLES).write_text("")
        with EmbeddedPostgres(folder) as server:
            assert server.running
        assert not (folder / "postmaster.pid").exists()


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """A process that is killed while it writes leaves what was there."""
    write_handles(tmp_path, [own_handle()])
    with (tmp_path / HANDLES).open() as old:
        write_handles(tmp_path, [])
        assert json.load(old) == [[*own_handle()]]
    assert living_handles(tmp_path) == []
