"""Files and folders are replaced whole or not at all."""

import errno
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from sslbench.errors import StoreError
from sslbench.files import (
    publishing,
    remove_leftovers,
    rename,
    store_errors,
    write_bytes,
    write_text,
    writing,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("old")
    return path


@pytest.fixture
def full_disk(monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)


def test_text_is_written_in_utf8_without_changing_line_ends(tmp_path):
    write_text(tmp_path / "file", "T₆₀\r\nT₃₀\n")
    assert (tmp_path / "file").read_bytes() == "T₆₀\r\nT₃₀\n".encode()


def test_bytes_replace_a_file(file):
    write_bytes(file, b"\x00new")
    assert file.read_bytes() == b"\x00new"
    assert names(file.parent) == ["file"]


def test_a_file_has_its_old_content_until_the_block_ends(file):
    with writing(file) as opened:
        opened.write(b"new")
        opened.flush()
        assert file.read_text() == "old"
    assert file.read_text() == "new"


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_the_old_file_alone(file, interruption):
    def write_a_part():
        with writing(file) as opened:
            opened.write(b"ne")
            raise interruption

    with pytest.raises(interruption):
        write_a_part()
    assert file.read_text() == "old"
    assert names(file.parent) == ["file"]


def test_a_full_disk_leaves_the_old_file_and_is_reported(file, full_disk):
    with pytest.raises(StoreError, match="No space left on device") as caught:
        write_text(file, "new")
    assert caught.value.where == str(file)
    assert "free some space" in caught.value.hint
    assert file.read_text() == "old"
    assert names(file.parent) == ["file"]


def test_a_symbolic_link_is_followed(file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(file)
    write_text(link, "new")
    assert link.is_symlink()
    assert file.read_text() == "new"


def test_a_file_is_as_readable_as_any_other(tmp_path):
    (tmp_path / "other").touch()
    write_text(tmp_path / "file", "")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_missing_folder_is_reported(tmp_path):
    with pytest.raises(StoreError, match="No such file or directory") as caught:
        write_text(tmp_path / "none" / "file", "")
    assert caught.value.where == str(tmp_path / "none" / "file")


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """A folder without write permission; as root, who may write anywhere, an imitation of one."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    if os.geteuid() == 0:
        _refuse_to_write_as_root(monkeypatch)
    folder.chmod(0o500)
    yield folder
    folder.chmod(0o700)


def _refuse_to_write_as_root(monkeypatch):
    def refuse(*args, **named):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "mkdir", refuse)


def test_a_read_only_folder_is_reported_with_what_to_do(read_only):
    with pytest.raises(StoreError, match="cannot be written: Permission denied") as caught:
        write_text(read_only / "file", "new", hint="name another folder")
    assert caught.value.where == str(read_only / "file")
    assert "can be written to" in caught.value.expected
    assert caught.value.hint == "name another folder"


def test_a_folder_in_a_read_only_folder_is_reported_with_what_to_do(read_only):
    folder = read_only / "folder"
    with pytest.raises(StoreError, match="Permission denied") as caught, publishing(folder):
        pass
    assert "make the folder writable" in caught.value.hint


def test_a_new_folder_appears_with_all_its_files(tmp_path):
    with publishing(tmp_path / "folder") as temporary:
        (temporary / "deep").mkdir()
        (temporary / "deep" / "file").write_text("new")
        assert not (tmp_path / "folder").exists()
    assert (tmp_path / "folder" / "deep" / "file").read_text() == "new"
    assert names(tmp_path) == ["folder"]


def test_a_folder_is_replaced_with_all_its_files(folder):
    with publishing(folder) as temporary:
        (temporary / "new").touch()
        assert names(folder) == ["old"]
    assert names(folder) == ["new"]
    assert names(folder.parent) == ["folder"]


def test_a_folder_can_be_filled_elsewhere(folder, tmp_path):
    (tmp_path / "tmp").mkdir()
    with publishing(folder, inside=tmp_path / "tmp") as temporary:
        assert temporary.parent == tmp_path / "tmp"
    assert names(folder) == names(tmp_path / "tmp") == []


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_an_interrupted_folder_leaves_the_old_one_alone(folder, interruption):
    def fill_a_part():
        with publishing(folder) as temporary:
            (temporary / "new").touch()
            raise interruption

    with pytest.raises(interruption):
        fill_a_part()
    assert names(folder) == ["old"]
    assert names(folder.parent) == ["folder"]


def test_a_folder_that_cannot_be_renamed_leaves_the_old_one_alone(folder, monkeypatch):
    replace = Path.replace

    def refuse(path, target):
        if path.suffix == ".tmp":
            raise OSError(errno.EIO, "Input/output error")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StoreError, match="Input/output error"), publishing(folder):
        pass
    assert names(folder) == ["old"]
    assert names(folder.parent) == ["folder"]


def test_leftovers_of_a_killed_process_are_removed(folder):
    for name in (".folder.1-ab.tmp", ".folder.1-ab.old", ".folder2.1-ab.tmp"):
        (folder.parent / name).mkdir()
    remove_leftovers(folder)
    assert names(folder.parent) == [".folder2.1-ab.tmp", "folder"]


def test_a_complete_file_gets_its_name(tmp_path, file):
    (tmp_path / "part").write_text("new")
    rename(tmp_path / "part", file)
    assert file.read_text() == "new"
    assert names(tmp_path) == ["file"]


def test_a_file_that_is_not_on_the_disk_keeps_its_partial_name(tmp_path, file, full_disk):
    (tmp_path / "part").write_text("new")
    with pytest.raises(StoreError, match="No space left"):
        rename(tmp_path / "part", file)
    assert names(tmp_path) == ["file", "part"]
    assert file.read_text() == "old"


def test_a_file_system_that_cannot_flush_folders_is_accepted(tmp_path, monkeypatch):
    flush = os.fsync

    def refuse_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    write_text(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"


def test_an_error_without_a_number_is_reported_in_its_own_words(tmp_path):
    errors = store_errors(tmp_path, what="features cannot be written")
    with pytest.raises(StoreError, match="cannot be written: 3 requested and 1 written"), errors:
        raise OSError("3 requested and 1 written")


def test_other_errors_pass(tmp_path):
    with pytest.raises(ValueError, match="not of the disk"), store_errors(tmp_path):
        raise ValueError("not of the disk")


SIZE, ROUNDS = 100_000, 50


def _write_repeatedly(path, letter):
    for _ in range(ROUNDS):
        write_bytes(path, letter * SIZE)


def test_two_processes_that_write_one_file_never_mix_their_content(tmp_path):
    path = tmp_path / "file"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_repeatedly, args=(path, x)) for x in (b"a", b"b")]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            seen.add(path.read_bytes())
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert seen | {path.read_bytes()} <= {b"a" * SIZE, b"b" * SIZE}
    assert names(tmp_path) == ["file"]
