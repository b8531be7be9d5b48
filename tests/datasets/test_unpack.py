"""Unpacking downloaded archives."""

import io
import tarfile
import zipfile

import pytest

from helpers.http_server import CONTENT
from sslbench.datasets.catalogue import Download
from sslbench.datasets.download import obtain, unpack
from sslbench.errors import FormatError


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
def test_an_archive_is_unpacked_once(server, tmp_path, name, pack):
    server.content = pack(["room/take.wav"])
    archive = Download(url=server.url, file=name)
    folder = tmp_path / "new" / "room-set"
    assert "unpacked" in obtain(archive, folder)
    assert (folder / "room" / "take.wav").read_bytes() == CONTENT
    (folder / name).unlink()
    assert "unpacked" in obtain(archive, folder)
    assert len(server.requested) == 1


@PACKERS
@pytest.mark.parametrize("inside", ["../outside.wav", "a/../../outside.wav"])
def test_a_path_outside_the_folder_is_an_error(tmp_path, name, pack, inside):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / name).write_bytes(pack([inside]))
    with pytest.raises(FormatError, match="outside its folder") as caught:
        unpack(folder / name, folder)
    assert inside in caught.value.what
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", name]


@GUARDED
def test_a_link_out_of_the_folder_is_an_error(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    with pytest.raises(FormatError, match="outside its folder"):
        unpack(tmp_path / "a.tar", tmp_path)
    assert not (tmp_path / "link").is_symlink()


@PACKERS
@pytest.mark.parametrize("damage", [lambda good: b"no archive", lambda good: good[:-40]])
def test_a_damaged_archive_is_renamed(tmp_path, name, pack, damage):
    (tmp_path / name).write_bytes(damage(pack(["take.wav"])))
    with pytest.raises(FormatError, match="the archive is damaged"):
        unpack(tmp_path / name, tmp_path)
    assert (tmp_path / f"{name}.damaged").exists()
    assert not (tmp_path / name).exists()


def test_the_command_for_unpacking_a_rar_archive_is_shown(server, tmp_path):
    folder = tmp_path / "with space"
    message = obtain(Download(url=server.url, file="a.rar"), folder)
    assert f"unrar x '{folder}/a.rar' '{folder}/'" in message


def test_the_command_for_unpacking_is_shown_if_python_cannot_do_it_safely(
    server, tmp_path, monkeypatch
):
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    message = obtain(Download(url=server.url, file="a.tar.gz"), tmp_path)
    assert f"tar -xf {tmp_path}/a.tar.gz -C {tmp_path}/" in message
