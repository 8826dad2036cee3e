"""A file is written whole or not at all."""

import errno
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from rnncourse import files


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_it_makes_the_folder_and_replaces_the_file(tmp_path):
    path = tmp_path / "new" / "folder" / "file.txt"
    files.write_text(path, "old")
    files.write_text(path, "now: ✓\n")
    assert path.read_bytes() == "now: ✓\n".encode()
    assert names(path.parent) == {"file.txt"}


def test_json_is_what_was_written(tmp_path):
    value = {"name": "zoë", "points": [1.5, None]}
    files.write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == value
    assert "zoë" in (tmp_path / "a.json").read_text(encoding="utf-8")
    files.write_json(tmp_path / "a.json", value, indent=1)
    assert (tmp_path / "a.json").read_text(encoding="utf-8").count("\n") > 3


def test_a_lone_surrogate_becomes_a_question_mark(tmp_path):
    files.write_json(tmp_path / "a.json", {"said": "\ud800!"})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"said": "?!"}


@pytest.mark.skipif(sys.platform == "win32", reason="has no umask")
def test_others_may_read_it_as_any_file(tmp_path):
    """A page that is written must be one that a web server may serve."""
    (tmp_path / "plain").touch()
    files.write_text(tmp_path / "page.html", "")
    assert (tmp_path / "page.html").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a process of its own")
def test_a_writer_that_is_killed_leaves_the_old_content(tmp_path, monkeypatch, moment):
    path = tmp_path / "file.txt"
    files.write_text(path, "old")

    def killed(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    pid = os.fork()
    if pid == 0:
        try:
            if moment == "write":
                real = open

                def opened(*arguments, **options):
                    file = real(*arguments, **options)
                    file.write(b"ne")
                    file.flush()
                    killed()

                monkeypatch.setattr(files, "open", opened, raising=False)
            else:
                monkeypatch.setattr(os, moment, killed)
            files.write_text(path, "new")
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    assert path.read_text() == "old"
    assert len(names(tmp_path)) == 2
    files.remove_unfinished(tmp_path)
    assert names(tmp_path) == {"file.txt"}
    files.write_text(path, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_what_cannot_be_written_leaves_the_old_content(tmp_path, monkeypatch, moment):
    path = tmp_path / "file.txt"
    files.write_text(path, "old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, moment, full)
    with pytest.raises(OSError, match="No space left"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == {"file.txt"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    files.write_text(path, "old")
    real = open

    def opened(path, mode):
        real(path, mode).close()
        return real("/dev/full", "wb")

    monkeypatch.setattr(files, "open", opened, raising=False)
    with pytest.raises(OSError, match="No space left"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == {"file.txt"}


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write to any folder"
)
def test_a_read_only_folder_leaves_the_old_content(tmp_path):
    path = tmp_path / "file.txt"
    files.write_text(path, "old")
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(PermissionError):
            files.write_text(path, "new")
    finally:
        tmp_path.chmod(0o755)
    assert path.read_text() == "old"


def test_two_writers_do_not_meet(tmp_path, monkeypatch):
    """Another one that writes at the same time has a file of its own on the way."""
    path = tmp_path / "file.txt"
    real = os.fsync

    def meanwhile(number):
        monkeypatch.setattr(os, "fsync", real)
        files.write_text(path, "the other's")

    monkeypatch.setattr(os, "fsync", meanwhile)
    files.write_text(path, "the last")
    assert path.read_text() == "the last"
    assert names(tmp_path) == {"file.txt"}
