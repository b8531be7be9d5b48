"""Unpacking zip archives that are split into parts, as those of the DCASE data sets."""

import shutil
import struct
import subprocess
import zipfile

import numpy as np
import pytest

from sslbench.datasets.catalogue import Download
from sslbench.datasets.download import obtain, unpack
from sslbench.datasets.split_zip import members, parts_before
from sslbench.errors import FormatError

NOISE = np.random.default_rng(0).bytes(150_000)
CONTENT = {"mic_dev/": b"", "mic_dev/one.wav": NOISE, "mic_dev/zwei-ä.csv": b"0,1,2,3,4\n" * 500}


def split(folder, content, sizes, *, compression=zipfile.ZIP_DEFLATED):
    """Write an archive and split it, with places by part, as `zip -s` does."""
    whole = folder / "whole.zip"
    with zipfile.ZipFile(whole, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    data = bytearray(whole.read_bytes())
    whole.unlink()
    starts = np.cumsum([0, *sizes])
    end = data.rfind(b"PK\x05\x06")
    length, directory = struct.unpack_from("<LL", data, end + 12)
    assert directory >= starts[-1], "the directory is in the last part"
    at = directory
    while at < directory + length:
        offset = struct.unpack_from("<L", data, at + 42)[0]
        part = int(np.searchsorted(starts, offset, side="right")) - 1
        struct.pack_into("<H", data, at + 34, part)
        struct.pack_into("<L", data, at + 42, offset - int(starts[part]))
        at += 46 + sum(struct.unpack_from("<HHH", data, at + 28))
    struct.pack_into("<HH", data, end + 4, len(sizes), len(sizes))
    struct.pack_into("<L", data, end + 16, directory - int(starts[-1]))
    names = [f"a.z{number:02d}" for number in range(1, len(sizes) + 1)] + ["a.zip"]
    for name, first, last in zip(names, starts, [*starts[1:], len(data)], strict=True):
        (folder / name).write_bytes(data[first:last])
    return folder / "a.zip"


def unpacked(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("a.z")
    }


FILES = {name: data for name, data in CONTENT.items() if data}


@pytest.mark.parametrize("sizes", [[70_000], [20, 70_000], [10_000, 60_000, 60_000], [1]])
@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_files_that_go_on_in_the_next_part_are_unpacked(tmp_path, sizes, compression):
    archive = split(tmp_path, CONTENT, sizes, compression=compression)
    assert len(parts_before(archive)) == len(sizes)
    unpack(archive, tmp_path)
    assert unpacked(tmp_path) == FILES


@pytest.mark.skipif(shutil.which("zip") is None, reason="Info-ZIP is not installed")
def test_an_archive_that_info_zip_has_split_is_unpacked(tmp_path):
    source, parts = tmp_path / "source", tmp_path / "parts"
    files = {"mic_dev/one.wav": NOISE, "mic_dev/two.csv": b"0,1,2,3,4"}
    for name, data in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    parts.mkdir()
    command = ["zip", "-q", "-r", "-s", "64k", str(parts / "a.zip"), "."]
    subprocess.run(command, cwd=source, check=True)
    assert len(parts_before(parts / "a.zip")) == 2
    unpack(parts / "a.zip", parts)
    assert unpacked(parts) == files


def test_the_last_part_of_a_download_unpacks_all(tmp_path, server):
    archive = split(tmp_path, CONTENT, [70_000])
    server.content = archive.read_bytes()
    archive.unlink()
    assert "unpacked" in obtain(Download(url=server.url, file="a.zip"), tmp_path)
    assert FILES.items() <= unpacked(tmp_path).items()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "a.z02").unlink(), "it has 3 parts, of which 2 are there"),
        (lambda folder: (folder / "a.zip").write_bytes(b"PK"), "no directory"),
        (lambda folder: (folder / "a.z01").write_bytes(b"x" * 60_000), "not where the directory"),
        (lambda folder: flip(folder / "a.z02", 30_000), "checksum|invalid"),
    ],
)
def test_a_damaged_part_is_an_error(tmp_path, damage, message):
    archive = split(tmp_path, CONTENT, [60_000, 60_000])
    damage(tmp_path)
    with pytest.raises(FormatError, match=message):
        unpack(archive, tmp_path)


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


def test_a_path_outside_the_folder_is_an_error(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    archive = split(folder, {"a.wav": NOISE, "../outside.wav": b"1"}, [1000])
    with pytest.raises(FormatError, match="outside its folder"):
        unpack(archive, folder)
    assert not (tmp_path / "outside.wav").exists()
    assert not (folder / "a.wav").exists()


def test_the_directory_names_all_files(tmp_path):
    archive = split(tmp_path, CONTENT, [60_000])
    assert [member.name for member in members(archive)] == list(CONTENT)
