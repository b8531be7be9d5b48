"""Files are fetched whole or not at all, and an interruption loses nothing."""

import errno
import hashlib
import io
import os
import shutil
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from filelock import FileLock

from sslbench.datasets import download, sslbench_datasets
from sslbench.datasets.catalogue import Download
from sslbench.datasets.download import downloads, fetch, obtain, so_far, unpack
from sslbench.errors import DataError, FormatError, MissingDataError

CONTENT = bytes(range(256)) * 20
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


class Server(HTTPServer):
    """One file at any address; attributes say how badly it is served."""

    content = CONTENT
    status = 200
    ranges = True
    cut = None  # bytes of an answer after which the connection is closed
    length = True
    chunked = False
    kind = "application/octet-stream"
    content_range = None  # what is said in place of the truth

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/data.bin"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        told, wanted = self.server, self.headers.get("Range")
        told.asked.append(wanted)
        self.close_connection = True
        start = int(wanted[6:-1]) if wanted and told.ranges else 0
        body, total = told.content[start:], len(told.content)
        if told.status != 200 or (start and not body):
            self.send_response(416 if start else told.status)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", told.kind)
        if start:
            said = told.content_range or f"bytes {start}-{total - 1}/{total}"
            self.send_header("Content-Range", said)
        if told.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            ending = b"\r\n0\r\n\r\n" if told.cut is None else b""
            body = b"%x\r\n" % len(body) + body[: told.cut] + ending
        elif told.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if told.chunked else body[: told.cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as told:
        thread = threading.Thread(target=told.serve_forever, args=(0.01,))
        thread.start()
        yield told
        told.shutdown()
        thread.join()


@pytest.fixture
def wanted(server):
    return lambda **changes: Download(url=server.url, file="data.bin", **changes)


@pytest.fixture
def part(tmp_path):
    return tmp_path / "data.bin.part"


class Impatient:
    """A progress bar at which somebody types Ctrl-C."""

    pieces = 0

    def __init__(self, *args, **named):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        pass

    def update(self, _):
        self.pieces += 1
        if self.pieces == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("checksum", [None, SHA256, MD5])
def test_file_is_fetched_whole_under_its_name(wanted, tmp_path, part, checksum):
    path = fetch(wanted(bytes=len(CONTENT), checksum=checksum), tmp_path)
    assert path == tmp_path / "data.bin"
    assert path.read_bytes() == CONTENT
    assert not part.exists()


def test_file_that_is_there_is_not_fetched_again(wanted, tmp_path, server):
    (tmp_path / "data.bin").write_bytes(CONTENT)
    fetch(wanted(checksum=SHA256), tmp_path)
    assert server.asked == []


def test_file_that_is_there_but_damaged_is_moved_aside(wanted, tmp_path, server):
    (tmp_path / "data.bin").write_bytes(b"something else")
    with pytest.raises(FormatError, match="14 bytes long"):
        fetch(wanted(bytes=len(CONTENT)), tmp_path)
    assert (tmp_path / "data.bin.damaged").read_bytes() == b"something else"
    assert fetch(wanted(bytes=len(CONTENT)), tmp_path).read_bytes() == CONTENT


def test_connection_that_is_cut_keeps_what_came_and_goes_on(wanted, tmp_path, part, server):
    server.cut = 1000
    with pytest.raises(MissingDataError) as caught:
        fetch(wanted(), tmp_path)
    assert caught.value.where == str(part)
    assert "1,000 bytes are here" in caught.value.what
    assert "5,120 bytes" in caught.value.what
    assert "same command again" in caught.value.hint
    assert part.read_bytes() == CONTENT[:1000]
    assert not (tmp_path / "data.bin").exists()
    server.cut = None
    assert fetch(wanted(checksum=SHA256), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000-"]


def test_connection_that_is_reset_keeps_what_came(wanted, tmp_path, part, monkeypatch):
    class Reset:
        def read1(self, _):
            if part.stat().st_size or self.sent:
                raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
            self.sent = True
            return CONTENT[:700]

        sent = False

    answered = download._pieces
    monkeypatch.setattr(download, "_pieces", lambda _, *rest: answered(Reset(), *rest))
    with pytest.raises(MissingDataError, match=r"700 bytes are here: .*reset by peer"):
        fetch(wanted(), tmp_path)
    assert part.read_bytes() == CONTENT[:700]


def test_answer_in_chunks_is_taken(wanted, tmp_path, server):
    server.chunked = True
    assert fetch(wanted(), tmp_path).read_bytes() == CONTENT


def test_answer_in_chunks_that_is_cut_keeps_what_came(wanted, tmp_path, part, server):
    server.chunked, server.cut = True, 1000
    with pytest.raises(MissingDataError, match="1,000 bytes are here"):
        fetch(wanted(), tmp_path)
    assert part.read_bytes() == CONTENT[:1000]


def test_server_without_ranges_begins_anew(wanted, tmp_path, part, server):
    part.write_bytes(b"x" * 1000)
    server.ranges = False
    assert fetch(wanted(checksum=SHA256), tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-"]


def test_server_that_sends_another_range_is_refused(wanted, tmp_path, part, server):
    part.write_bytes(CONTENT[:1000])
    server.content_range = "bytes 7-5119/5120"
    with pytest.raises(FormatError, match="bytes 7-5119/5120"):
        fetch(wanted(), tmp_path)
    assert part.read_bytes() == CONTENT[:1000]


def test_range_of_a_file_of_unknown_length_is_taken(wanted, tmp_path, part, server):
    part.write_bytes(CONTENT[:1000])
    server.content_range = "bytes 1000-5119/*"
    assert fetch(wanted(), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("known", [None, len(CONTENT)])
def test_part_that_is_whole_already_gets_its_name(wanted, tmp_path, part, server, known):
    part.write_bytes(CONTENT)
    assert fetch(wanted(bytes=known), tmp_path).read_bytes() == CONTENT
    assert server.asked == ([] if known else ["bytes=5120-"])


def test_part_that_is_longer_than_the_file_begins_anew(wanted, tmp_path, part, server):
    part.write_bytes(CONTENT + b"x")
    assert fetch(wanted(), tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=5121-", None]


def test_wrong_checksum_moves_the_file_aside(wanted, tmp_path, part):
    with pytest.raises(FormatError) as caught:
        fetch(wanted(checksum="sha256:" + 64 * "0"), tmp_path)
    assert SHA256 in caught.value.what
    assert caught.value.expected == "sha256:" + 64 * "0"
    assert "data.bin.damaged" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin.damaged"]


def test_length_other_than_published_is_refused_before_fetching(wanted, tmp_path, part):
    with pytest.raises(FormatError, match="5,120 bytes") as caught:
        fetch(wanted(bytes=7), tmp_path)
    assert "7 bytes" in caught.value.expected
    assert not part.exists()


def test_unknown_length_is_refused(wanted, tmp_path, server):
    server.length = False
    with pytest.raises(FormatError, match="does not say how long"):
        fetch(wanted(), tmp_path)
    assert fetch(wanted(bytes=len(CONTENT)), tmp_path).read_bytes() == CONTENT


def test_interrupt_keeps_the_part_and_the_same_call_goes_on(
    wanted, tmp_path, part, server, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(download, "progress_bar", Impatient)
        patched.setattr(download, "CHUNK", 1000)
        with pytest.raises(KeyboardInterrupt):
            fetch(wanted(), tmp_path)
    have = part.stat().st_size
    assert 1000 < have <= 2000
    assert f"{part} holds {have:,} bytes" in so_far([wanted()], tmp_path)
    assert fetch(wanted(checksum=SHA256), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={have}-"]


@pytest.mark.parametrize("status", [403, 404, 503])
def test_refusal_of_the_server_is_told_with_the_address(wanted, tmp_path, part, server, status):
    part.write_bytes(b"x" * 10)
    server.status, server.ranges = status, False
    with pytest.raises(MissingDataError, match=f"answered {status}") as caught:
        fetch(wanted(), tmp_path)
    assert caught.value.where == server.url
    assert str(tmp_path / "data.bin") in caught.value.hint
    assert part.read_bytes() == b"x" * 10


def test_web_page_in_place_of_the_file_is_refused(wanted, tmp_path, part, server):
    server.kind = "text/html; charset=utf-8"
    with pytest.raises(MissingDataError, match="a web page"):
        fetch(wanted(), tmp_path)
    assert not part.exists()


def test_server_that_is_not_there_is_told(tmp_path, part):
    with HTTPServer(("127.0.0.1", 0), Handler) as gone:
        port = gone.server_port
    address = f"http://127.0.0.1:{port}/data.bin"
    with pytest.raises(MissingDataError, match="no answer from " + address):
        fetch(Download(url=address, file="data.bin"), tmp_path)


def test_disk_that_is_too_small_is_told_before_fetching(wanted, tmp_path, part, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5000))
    with pytest.raises(DataError, match="5,000 bytes free") as caught:
        fetch(wanted(), tmp_path)
    assert "5,120 bytes" in caught.value.expected
    part.write_bytes(CONTENT[:1000])
    assert fetch(wanted(), tmp_path).read_bytes() == CONTENT


def test_disk_that_fills_up_is_told(wanted, tmp_path, part, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left on device") as caught:
        fetch(wanted(), tmp_path)
    assert caught.value.where == str(part)
    assert part.exists()


def test_second_process_is_refused(wanted, tmp_path):
    with FileLock(tmp_path / "data.bin.lock"), pytest.raises(DataError, match="another process"):
        obtain(wanted(), tmp_path)


def test_folder_that_cannot_be_made_is_told(wanted, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be read or written"):
        obtain(wanted(), tmp_path / "file")


def zipped(names):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, CONTENT)
    return made.getvalue()


def tarred(names):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(CONTENT)
            archive.addfile(member, io.BytesIO(CONTENT))
    return made.getvalue()


GUARDED = pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"), reason="this Python cannot unpack tar archives safely"
)
PACKERS = pytest.mark.parametrize(
    ("name", "pack"), [("a.zip", zipped), pytest.param("a.tar.gz", tarred, marks=GUARDED)]
)


@PACKERS
def test_archive_is_unpacked_once(server, tmp_path, name, pack):
    server.content = pack(["room/take.wav"])
    archive = Download(url=server.url, file=name)
    folder = tmp_path / "new" / "room-set"
    assert "unpacked" in obtain(archive, folder)
    assert (folder / "room" / "take.wav").read_bytes() == CONTENT
    (folder / name).unlink()
    assert "unpacked" in obtain(archive, folder)
    assert len(server.asked) == 1


@PACKERS
@pytest.mark.parametrize("inside", ["../outside.wav", "a/../../outside.wav"])
def test_path_outside_the_folder_is_refused(tmp_path, name, pack, inside):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / name).write_bytes(pack([inside]))
    with pytest.raises(FormatError, match="outside its folder") as caught:
        unpack(folder / name, folder)
    assert inside in caught.value.what
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", name]


@GUARDED
def test_link_out_of_the_folder_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    with pytest.raises(FormatError, match="outside its folder"):
        unpack(tmp_path / "a.tar", tmp_path)
    assert not (tmp_path / "link").is_symlink()


@PACKERS
@pytest.mark.parametrize("damage", [lambda good: b"no archive", lambda good: good[:-40]])
def test_damaged_archive_is_moved_aside(tmp_path, name, pack, damage):
    (tmp_path / name).write_bytes(damage(pack(["take.wav"])))
    with pytest.raises(FormatError, match="the archive is damaged"):
        unpack(tmp_path / name, tmp_path)
    assert (tmp_path / f"{name}.damaged").exists()
    assert not (tmp_path / name).exists()


def test_rar_is_left_with_the_command_that_unpacks_it(server, tmp_path):
    folder = tmp_path / "with space"
    said = obtain(Download(url=server.url, file="a.rar"), folder)
    assert f"unrar x '{folder}/a.rar' '{folder}/'" in said


def test_tar_is_left_with_the_command_where_python_has_no_guard(server, tmp_path, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    said = obtain(Download(url=server.url, file="a.tar.gz"), tmp_path)
    assert f"tar -xf {tmp_path}/a.tar.gz -C {tmp_path}/" in said


def test_data_set_with_downloads_gives_them():
    # What is said of those that have none is tested in tests/cli/test_download.py.
    spec = next(each for each in sslbench_datasets() if each.name == "libri-adhoc40")
    assert [each.file for each in downloads(spec)] == ["adhoc40-test.rar"]
