"""Fetching against a server of our own on 127.0.0.1: honest, slow, broken, wrong and missing."""

import errno
import gzip
import hashlib
import io
import os
import shutil
import sys
import tarfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rnncourse.data import DataError, cache_folder, download
from rnncourse.data.archive import read_gzip, read_tar, read_zip
from rnncourse.data.download import Remote, fetch


def kept(count):
    """What is kept of so many bytes: whole pieces."""
    return count // download.CHUNK * download.CHUNK


BODY = bytes(range(256)) * 1000  # 256,000 bytes
SUM = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    """/ranges, /plain, /cut..., each a way to serve BODY; `server.asked` has (path, Range)."""

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        self.server.agents.add(self.headers["User-Agent"])
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        name = self.path.strip("/")
        if name == "missing":
            return self.send_error(404)
        if name == "moved":
            self.send_response(302)
            self.send_header("Location", "/ranges")
            return self.end_headers()
        if name == "plain":  # knows no ranges
            start = 0
        body = BODY[::-1] if name == "wrong" else BODY
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        stop = len(body)
        if name == "cut":  # every answer breaks off after 100,000 bytes
            stop = min(stop, start + 100_000)
        if name == "cut_for_good":  # nothing beyond 100,000 ever comes
            stop = 100_000
        if name == "stalls" and len(self.server.asked) <= self.server.stalls:
            self.wfile.write(body[start : start + 50_000])
            self.server.patience.wait(5)
            return None
        for place in range(start, stop, 50_000):
            if name == "slow":
                time.sleep(0.05)
            self.wfile.write(body[place : min(place + 50_000, stop)])
        return None

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.agents = [], set()
    server.stalls, server.patience = 99, threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.patience.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("RNNCOURSE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def remote(server, how, checksum=SUM, editions=()):
    url = f"http://127.0.0.1:{server.server_address[1]}/{how}"
    return Remote(f"set/{how}.bin", url, checksum, editions)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# --- what works ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["ranges", "plain", "slow", "moved"])
def test_a_file_comes_whole_and_only_once(server, folder, how):
    [path] = fetch([remote(server, how)])
    assert path == folder / f"set/{how}.bin" and path.read_bytes() == BODY
    assert files(folder) == [f"set/{how}.bin"]
    count = len(server.asked)
    assert fetch([remote(server, how)]) == [path]
    assert len(server.asked) == count
    assert server.agents == {download.AGENT}


@pytest.mark.parametrize("algorithm", ["md5", "sha1"])
def test_other_checksums(server, folder, algorithm):
    checksum = f"{algorithm}:{hashlib.new(algorithm, BODY).hexdigest()}"
    [path] = fetch([remote(server, "ranges", checksum)])
    assert path.read_bytes() == BODY


def test_a_connection_that_breaks_goes_on_where_it_stopped(server, folder):
    [path] = fetch([remote(server, "cut")])
    assert path.read_bytes() == BODY
    first, second = kept(100_000), 2 * kept(100_000)
    assert [asked for _, asked in server.asked] == [None, f"bytes={first}-", f"bytes={second}-"]
    assert files(folder) == ["set/cut.bin"]


def test_the_next_call_fetches_the_rest(server, folder, monkeypatch):
    with pytest.raises(DataError, match=f"broke off\n{kept(100_000):,} bytes of it are kept"):
        fetch([remote(server, "cut_for_good")])
    assert files(folder) == ["set/cut_for_good.bin.part"]
    server.asked.clear()
    part = folder / "set/ranges.bin.part"
    shutil.move(folder / "set/cut_for_good.bin.part", part)
    [path] = fetch([remote(server, "ranges")])
    assert path.read_bytes() == BODY
    assert server.asked == [("/ranges", f"bytes={kept(100_000)}-")]


def test_a_stalled_server_is_given_up_and_resumed(server, folder, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", (2, 0.2))
    server.stalls = 1
    [path] = fetch([remote(server, "stalls")])
    assert path.read_bytes() == BODY
    assert server.asked == [("/stalls", None), ("/stalls", f"bytes={kept(50_000)}-")]


@pytest.mark.parametrize(
    "left_over", [b"of another file", BODY, BODY + b"more"], ids=["other", "all", "more"]
)
@pytest.mark.parametrize("how", ["ranges", "plain"])
def test_a_useless_left_over_does_no_harm(server, folder, how, left_over):
    (folder / "set").mkdir(parents=True)
    (folder / f"set/{how}.bin.part").write_bytes(left_over)
    [path] = fetch([remote(server, how)])
    assert path.read_bytes() == BODY
    assert files(folder) == [f"set/{how}.bin"]


def test_two_at_once_both_get_it(server, folder):
    results = []

    def run():
        results.append(fetch([remote(server, "slow")])[0].read_bytes())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
        time.sleep(0.12)
    for thread in threads:
        thread.join()
    assert results == [BODY, BODY]
    assert files(folder) == ["set/slow.bin"]


def test_a_file_put_there_by_hand_is_found_and_no_server_asked(server, folder):
    (folder / "set").mkdir(parents=True)
    (folder / "set/missing.bin").write_bytes(BODY)
    assert fetch([remote(server, "missing")]) == [folder / "set/missing.bin"]
    assert server.asked == []


def test_another_known_edition_put_there_by_hand_is_good(server, folder):
    (folder / "set").mkdir(parents=True)
    (folder / "set/missing.bin").write_bytes(b"of 2017")
    edition = f"sha256:{hashlib.sha256(b'of 2017').hexdigest()}"
    [path] = fetch([remote(server, "missing", editions=(edition,))])
    assert path.read_bytes() == b"of 2017"


def test_where_data_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("RNNCOURSE_DATA", f" {tmp_path} ")
    assert cache_folder() == tmp_path
    monkeypatch.setenv("RNNCOURSE_DATA", "~/somewhere")
    assert cache_folder() == Path.home() / "somewhere"
    monkeypatch.delenv("RNNCOURSE_DATA")
    assert cache_folder().name == "rnncourse"


# --- what does not ------------------------------------------------------------------------------


def test_an_unknown_address(server, folder):
    with pytest.raises(DataError, match="the server says 404 Not Found"):
        fetch([remote(server, "missing")])
    assert files(folder) == []
    assert len(server.asked) == 1


def test_a_wrong_checksum_leaves_nothing(server, folder):
    with pytest.raises(DataError, match=r"did not return set/wrong.bin.*login page"):
        fetch([remote(server, "wrong")])
    assert files(folder) == []


def test_without_internet_every_missing_file_is_listed(server, folder):
    stored = remote(server, "ranges")
    fetch([stored])
    missing = [
        Remote(f"set/{name}", f"http://127.0.0.1:9/{name}", SUM) for name in ("one.gz", "two.gz")
    ]
    with pytest.raises(DataError) as caught:
        fetch([stored, *missing])
    message = str(caught.value)
    assert "no connection to the server; is there internet?" in message
    for name in ("one.gz", "two.gz"):
        assert f"from http://127.0.0.1:9/{name}\n" in message
        assert f"to   {folder / 'set' / name}\n" in message
    assert SUM in message and "RNNCOURSE_DATA" in message
    assert "ranges" not in message and "are kept" not in message
    assert files(folder) == ["set/ranges.bin"]


def test_a_server_that_never_answers(server, folder, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", (2, 0.1))
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        fetch([remote(server, "stalls")])
    assert f"{2 * kept(50_000):,} bytes of it are kept" in str(caught.value)


def test_a_wrong_file_put_there_by_hand_is_refused_and_kept(server, folder):
    (folder / "set").mkdir(parents=True)
    (folder / "set/ranges.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"is not the expected file.*Delete it or move"):
        fetch([remote(server, "ranges")])
    assert (folder / "set/ranges.bin").read_bytes() == b"mine"
    assert server.asked == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk(server, folder):
    (folder / "set").mkdir(parents=True)
    (folder / "set/ranges.bin.part").symlink_to("/dev/full")  # every write to it: no space left
    with pytest.raises(DataError, match=r"the disk is full: cannot store set/ranges.bin"):
        fetch([remote(server, "ranges")])
    assert os.listdir(folder / "set") == []


def test_a_full_disk_after_some_bytes_leaves_none(server, folder, monkeypatch):
    def write_some(url, part):
        part.write_bytes(BODY[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "_receive", write_some)
    with pytest.raises(DataError, match="the disk is full"):
        fetch([remote(server, "ranges")])
    assert files(folder) == []


def test_a_folder_that_cannot_be_made(server, folder):
    folder.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot be written: .*RNNCOURSE_DATA"):
        fetch([remote(server, "ranges")])


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_may_not_be_written_to(server, folder):
    folder.mkdir(mode=0o500)
    with pytest.raises(DataError, match=r"cannot be written: .*RNNCOURSE_DATA"):
        fetch([remote(server, "ranges")])


def test_an_interrupted_download_is_kept_for_later(server, folder, monkeypatch):
    receive = download._receive

    def interrupted(url, part):
        receive(url.replace("ranges", "cut"), part)

    def press_stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_receive", interrupted)
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with pytest.raises(DataError):
        fetch([remote(server, "ranges")])
    monkeypatch.setattr(download, "_receive", press_stop)
    with pytest.raises(KeyboardInterrupt):
        fetch([remote(server, "ranges")])
    assert files(folder) == ["set/ranges.bin.part"]


# --- archives -----------------------------------------------------------------------------------


def make_tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_sound_archives(tmp_path):
    make_zip(tmp_path / "a.zip", {"fra.txt": b"Go.\tVa !", "_about.txt": b"x"})
    assert read_zip(tmp_path / "a.zip", "fra.txt") == b"Go.\tVa !"
    make_tar(tmp_path / "a.tar.gz", {"d/1.txt": b"one", "d/2.doc": b"two", "e/3.txt": b"three"})
    assert dict(read_tar(tmp_path / "a.tar.gz", r"[de]/\d\.txt")) == {
        "d/1.txt": b"one",
        "e/3.txt": b"three",
    }
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"text"))
    assert read_gzip(tmp_path / "a.gz") == b"text"


NOISE = hashlib.shake_256(b"noise").digest(30_000)  # does not compress: every byte counts


@pytest.mark.parametrize("damage", ["cut", "zeros", "not an archive", "empty"])
@pytest.mark.parametrize("kind", ["zip", "tar", "gzip"])
def test_damaged_archives(tmp_path, kind, damage):
    path = tmp_path / "archive"
    make, read = {
        "zip": (lambda: make_zip(path, {"a": NOISE}), lambda: read_zip(path, "a")),
        "tar": (lambda: make_tar(path, {"a": NOISE}), lambda: list(read_tar(path, ".*"))),
        "gzip": (lambda: path.write_bytes(gzip.compress(NOISE)), lambda: read_gzip(path)),
    }[kind]
    make()
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "zeros": whole[:9000] + bytes(500) + whole[9500:],
            "not an archive": b"<html>Please log in</html>",
            "empty": b"",
        }[damage]
    )
    with pytest.raises(DataError, match=r"archive is damaged.*Delete it"):
        read()


def test_a_member_that_is_not_there(tmp_path):
    make_zip(tmp_path / "a.zip", {"deu.txt": b"x"})
    with pytest.raises(DataError, match=r"does not contain fra.txt, only \['deu.txt'\]"):
        read_zip(tmp_path / "a.zip", "fra.txt")


def test_names_that_lead_elsewhere_write_nothing(tmp_path):
    inside = tmp_path / "deep/inside"
    inside.mkdir(parents=True)
    evil = {"../evil": b"x", "/tmp/../evil": b"x", "..\\evil": b"x"}
    make_zip(inside / "a.zip", evil)
    make_tar(inside / "a.tar.gz", evil)
    with tarfile.open(inside / "b.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    before = sorted(tmp_path.rglob("*"))
    assert read_zip(inside / "a.zip", "../evil") == b"x"
    assert len(list(read_tar(inside / "a.tar.gz", ".*"))) == 3
    assert list(read_tar(inside / "b.tar.gz", ".*")) == []
    assert sorted(tmp_path.rglob("*")) == before
