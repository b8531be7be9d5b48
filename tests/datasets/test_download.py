"""Downloads are complete or resumable, and damaged files are reported."""

import errno
import hashlib
import os
import shutil
from types import SimpleNamespace

import pytest
from filelock import FileLock

from helpers.http_server import CONTENT, Server
from sslbench.datasets import download, sslbench_datasets
from sslbench.datasets.catalogue import Download
from sslbench.datasets.download import downloads, fetch, obtain, so_far
from sslbench.errors import DataError, FormatError, MissingDataError

SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def wanted(server):
    return lambda **changes: Download(url=server.url, file="data.bin", **changes)


@pytest.fixture
def part(tmp_path):
    return tmp_path / "data.bin.part"


class Interrupting:
    """A progress bar that raises the exception of Ctrl-C at the second update."""

    updates = 0

    def __init__(self, *args, **named):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        pass

    def update(self, _):
        self.updates += 1
        if self.updates == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("checksum", [None, SHA256, MD5])
def test_a_complete_file_has_its_final_name(wanted, tmp_path, part, checksum):
    path = fetch(wanted(bytes=len(CONTENT), checksum=checksum), tmp_path)
    assert path == tmp_path / "data.bin"
    assert path.read_bytes() == CONTENT
    assert not part.exists()


def test_an_existing_file_is_not_downloaded_again(wanted, tmp_path, server):
    (tmp_path / "data.bin").write_bytes(CONTENT)
    fetch(wanted(checksum=SHA256), tmp_path)
    assert server.requested == []


def test_a_damaged_existing_file_is_renamed_and_downloaded_again(wanted, tmp_path, server):
    (tmp_path / "data.bin").write_bytes(b"something else")
    with pytest.raises(FormatError, match="has 14 bytes"):
        fetch(wanted(bytes=len(CONTENT)), tmp_path)
    assert (tmp_path / "data.bin.damaged").read_bytes() == b"something else"
    assert fetch(wanted(bytes=len(CONTENT)), tmp_path).read_bytes() == CONTENT


def test_a_download_is_resumed_after_a_closed_connection(wanted, tmp_path, part, server):
    server.cut = 1000
    with pytest.raises(MissingDataError) as caught:
        fetch(wanted(), tmp_path)
    assert caught.value.where == str(part)
    assert "incomplete after 1,000 bytes" in caught.value.what
    assert "5,120 bytes" in caught.value.what
    assert "same command again" in caught.value.hint
    assert part.read_bytes() == CONTENT[:1000]
    assert not (tmp_path / "data.bin").exists()
    server.cut = None
    assert fetch(wanted(checksum=SHA256), tmp_path).read_bytes() == CONTENT
    assert server.requested == [None, "bytes=1000-"]


def test_received_data_is_kept_after_a_connection_reset(wanted, tmp_path, part, monkeypatch):
    class Reset:
        def read1(self, _):
            if part.stat().st_size or self.sent:
                raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
            self.sent = True
            return CONTENT[:700]

        sent = False

    chunks = download._chunks
    monkeypatch.setattr(download, "_chunks", lambda _, *rest: chunks(Reset(), *rest))
    with pytest.raises(MissingDataError, match=r"after 700 bytes: .*reset by peer"):
        fetch(wanted(), tmp_path)
    assert part.read_bytes() == CONTENT[:700]


def test_a_chunked_response_is_accepted(wanted, tmp_path, server):
    server.chunked = True
    assert fetch(wanted(), tmp_path).read_bytes() == CONTENT


def test_received_data_is_kept_after_an_incomplete_chunked_response(wanted, tmp_path, part, server):
    server.chunked, server.cut = True, 1000
    with pytest.raises(MissingDataError, match="after 1,000 bytes"):
        fetch(wanted(), tmp_path)
    assert part.read_bytes() == CONTENT[:1000]


def test_a_server_without_range_support_restarts_the_download(wanted, tmp_path, part, server):
    part.write_bytes(b"x" * 1000)
    server.ranges = False
    assert fetch(wanted(checksum=SHA256), tmp_path).read_bytes() == CONTENT
    assert server.requested == ["bytes=1000-"]


def test_a_wrong_range_from_the_server_is_an_error(wanted, tmp_path, part, server):
    part.write_bytes(CONTENT[:1000])
    server.content_range = "bytes 7-5119/5120"
    with pytest.raises(FormatError, match="bytes 7-5119/5120"):
        fetch(wanted(), tmp_path)
    assert part.read_bytes() == CONTENT[:1000]


def test_a_range_of_a_file_of_unknown_length_is_accepted(wanted, tmp_path, part, server):
    part.write_bytes(CONTENT[:1000])
    server.content_range = "bytes 1000-5119/*"
    assert fetch(wanted(), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("known", [None, len(CONTENT)])
def test_a_partial_file_that_is_complete_is_renamed(wanted, tmp_path, part, server, known):
    part.write_bytes(CONTENT)
    assert fetch(wanted(bytes=known), tmp_path).read_bytes() == CONTENT
    assert server.requested == ([] if known else ["bytes=5120-"])


def test_a_partial_file_that_is_too_long_restarts_the_download(wanted, tmp_path, part, server):
    part.write_bytes(CONTENT + b"x")
    assert fetch(wanted(), tmp_path).read_bytes() == CONTENT
    assert server.requested == ["bytes=5121-", None]


def test_a_file_with_a_wrong_checksum_is_renamed(wanted, tmp_path, part):
    with pytest.raises(FormatError) as caught:
        fetch(wanted(checksum="sha256:" + 64 * "0"), tmp_path)
    assert SHA256 in caught.value.what
    assert caught.value.expected == "sha256:" + 64 * "0"
    assert "data.bin.damaged" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin.damaged"]


def test_a_wrong_length_is_an_error_before_the_download(wanted, tmp_path, part):
    with pytest.raises(FormatError, match="5,120 bytes") as caught:
        fetch(wanted(bytes=7), tmp_path)
    assert "7 bytes" in caught.value.expected
    assert not part.exists()


def test_an_unknown_length_is_an_error(wanted, tmp_path, server):
    server.length = False
    with pytest.raises(FormatError, match="does not send the length"):
        fetch(wanted(), tmp_path)
    assert fetch(wanted(bytes=len(CONTENT)), tmp_path).read_bytes() == CONTENT


def test_an_interrupted_download_is_resumed(wanted, tmp_path, part, server, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(download, "progress_bar", Interrupting)
        patched.setattr(download, "CHUNK", 1000)
        with pytest.raises(KeyboardInterrupt):
            fetch(wanted(), tmp_path)
    have = part.stat().st_size
    assert 1000 < have <= 2000
    assert f"{part} has {have:,} bytes; run the same command again to resume" in so_far(
        [wanted()], tmp_path
    )
    assert fetch(wanted(checksum=SHA256), tmp_path).read_bytes() == CONTENT
    assert server.requested == [None, f"bytes={have}-"]


@pytest.mark.parametrize("status", [403, 404, 503])
def test_an_http_error_is_reported_with_the_address(wanted, tmp_path, part, server, status):
    part.write_bytes(b"x" * 10)
    server.status, server.ranges = status, False
    with pytest.raises(MissingDataError, match=f"responded with {status}") as caught:
        fetch(wanted(), tmp_path)
    assert caught.value.where == server.url
    assert str(tmp_path / "data.bin") in caught.value.hint
    assert part.read_bytes() == b"x" * 10


def test_a_web_page_instead_of_the_file_is_an_error(wanted, tmp_path, part, server):
    server.kind = "text/html; charset=utf-8"
    with pytest.raises(MissingDataError, match="a web page"):
        fetch(wanted(), tmp_path)
    assert not part.exists()


def test_an_unreachable_server_is_reported(tmp_path, part):
    with Server() as stopped:
        address = stopped.url
    with pytest.raises(MissingDataError, match="no response from " + address):
        fetch(Download(url=address, file="data.bin"), tmp_path)


def test_insufficient_disk_space_is_reported_before_the_download(
    wanted, tmp_path, part, monkeypatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5000))
    with pytest.raises(DataError, match="5,000 bytes free") as caught:
        fetch(wanted(), tmp_path)
    assert "5,120 bytes" in caught.value.expected
    part.write_bytes(CONTENT[:1000])
    assert fetch(wanted(), tmp_path).read_bytes() == CONTENT


def test_a_full_disk_is_reported(wanted, tmp_path, part, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left on device") as caught:
        fetch(wanted(), tmp_path)
    assert caught.value.where == str(part)
    assert part.exists()


def test_a_second_process_is_an_error(wanted, tmp_path):
    with FileLock(tmp_path / "data.bin.lock"), pytest.raises(DataError, match="another process"):
        obtain(wanted(), tmp_path)


def test_a_folder_that_cannot_be_created_is_reported(wanted, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be read or written"):
        obtain(wanted(), tmp_path / "file")


def test_the_files_of_a_data_set_are_returned():
    # The messages for data sets without downloads are tested in tests/cli/test_download.py.
    spec = next(each for each in sslbench_datasets() if each.name == "libri-adhoc40")
    assert [each.file for each in downloads(spec)] == ["adhoc40-test.rar"]
