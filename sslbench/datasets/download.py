"""Fetching the files of a data set, such that an interruption loses nothing.

What arrives is appended to ``FILE.part``, which gets its own name when it is whole. The same
command therefore goes on where it stopped, and what has its own name is not fetched again.

A file may change on its server between two tries. Then its checksum no longer fits or, where none
is published, those inside zip, rar and gz archives.
"""

# urllib, because no library that sslbench keeps goes on with a partial file: pooch begins anew.

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException, HTTPResponse
from lzma import LZMAError
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from filelock import FileLock, Timeout

from sslbench.datasets.catalogue import Download, catalogue
from sslbench.errors import DataError, FormatError, MissingDataError, UsageError
from sslbench.files import rename, store_errors
from sslbench.progress import progress_bar
from sslbench.specs import DatasetSpec

__all__ = ["downloads", "fetch", "obtain", "so_far", "unpack"]

TIMEOUT = 60.0
"""Seconds for which a server may be silent."""

CHUNK = 1 << 20
"""Most bytes that are taken at a time."""

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
ARCHIVES = (".zip", *TARS)
DAMAGE = (
    shutil.ReadError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
)
"""What an archive that is cut or altered raises."""

AGAIN = "type the same command again"
ROOM = (
    "free some space on the disk, or name another folder with --into;"
    f" {AGAIN}: nothing that was fetched is lost"
)
RANGE_NOT_SATISFIABLE = 416
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def downloads(spec: DatasetSpec) -> tuple[Download, ...]:
    """Return the files of a data set that can be fetched.

    Raises:
        UsageError: if it is simulated.
        MissingDataError: if it has none; it says how to get the data set instead.
    """
    if spec.simulated:
        raise UsageError(
            f"{spec.name} is simulated: there is nothing to download",
            hint=f"use it at once; `sslbench datasets prepare {spec.name}` makes its scenes now",
        )
    listed = catalogue().get(spec.name)
    if listed is None or not listed.downloads:
        raise MissingDataError(
            f"{spec.name} has no files that sslbench can download",
            hint=f"get it by hand: {spec.where}",
        )
    return listed.downloads


def obtain(wanted: Download, folder: Path) -> str:
    """Fetch a file into a folder, unpack it there if it is an archive, and say what is there.

    An archive that was unpacked leaves ``FILE.unpacked`` behind and may then be deleted.

    Raises:
        DataError: as `fetch` and `unpack` do, or if another process is at it.
    """
    path = folder / wanted.file
    unpacked = folder / f"{wanted.file}.unpacked"
    if unpacked.exists():
        return f"{path} is here and unpacked"
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f"{wanted.file}.lock"):
            fetch(wanted, folder)
            if command := _by_hand(path, folder):
                return f"{path} is here; unpack it by: {command}"
            if not wanted.file.endswith(ARCHIVES):
                return f"{path} is here"
            unpack(path, folder)
            unpacked.touch()
    return f"{path} is here and unpacked"


def _by_hand(path: Path, folder: Path) -> str:
    """Return the command for an archive that is not unpacked here; nothing for others."""
    archive, into = shlex.quote(str(path)), shlex.quote(f"{folder}/")
    if path.suffix == ".rar":
        return f"unrar x {archive} {into}"
    # Before 3.11.4 Python has no guard against archives that write outside their folder.
    guarded = hasattr(tarfile, "data_filter")
    return f"tar -xf {archive} -C {into}" if path.name.endswith(TARS) and not guarded else ""


def so_far(files: Sequence[Download], folder: Path) -> str:
    """Say how much there is of files whose download was interrupted."""
    parts = [part for part in (_part(file, folder) for file in files) if part.exists()]
    sizes = "".join(f"{part} holds {_size(part):,} bytes; " for part in parts)
    return f"{sizes}{AGAIN} to go on"


def fetch(wanted: Download, folder: Path) -> Path:
    """Fetch one file into a folder that exists, or go on where an earlier try stopped.

    A file that is there already is only checked.

    Returns:
        Its path.

    Raises:
        MissingDataError: if the server does not give it, or the connection breaks; what has
            arrived is kept.
        FormatError: if its length or checksum is wrong; it is then renamed to ``FILE.damaged``.
        DataError: if it cannot be written or the disk is too small.
    """
    path, part = folder / wanted.file, _part(wanted, folder)
    if path.exists():
        _check(path, wanted, path)
        return path
    _receive(wanted, part)
    _check(part, wanted, path)
    rename(part, path, hint=ROOM)
    return path


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar archive into a folder.

    Raises:
        FormatError: if the archive is damaged, or a file of it would lie outside the folder.
        DataError: if the files cannot be written.
    """
    with _writing(folder):
        try:
            if archive.suffix == ".zip":
                _refuse_outside(archive, folder)
                shutil.unpack_archive(archive, folder)
            else:
                shutil.unpack_archive(archive, folder, filter="data")
        except tarfile.FilterError as error:
            raise _outside(archive, error.tarinfo.name) from error
        except DAMAGE as error:
            raise _aside(archive, archive, f"the archive is damaged: {error}") from error


def _refuse_outside(archive: Path, folder: Path) -> None:
    top = folder.resolve()
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            # shutil passes over such names without a word.
            if name.startswith("/") or ".." in name:
                raise _outside(archive, name)
            if not (top / name).resolve().is_relative_to(top):
                raise _outside(archive, name)


def _outside(archive: Path, name: str) -> FormatError:
    return FormatError(
        f"the archive would write {name!r} outside its folder",
        where=str(archive),
        expected="names below the folder, without `..`",
        hint="do not trust this archive; ask where it comes from",
    )


def _receive(wanted: Download, part: Path) -> None:
    """Append to a partial file what it lacks."""
    have = _size(part)
    if have == wanted.bytes:
        return
    response = _ask(wanted, part, have)
    if response is None:
        return
    with response:
        start, total = _extent(response, wanted, have)
        _check_room(part, (total or start) - start)
        with (
            _writing(part),
            part.open("ab" if start else "wb") as file,
            progress_bar(wanted.file, "B", total, done=start) as bar,
        ):
            for piece in _pieces(response, part, start):
                file.write(piece)
                bar.update(len(piece))
    if total is not None and _size(part) < total:
        raise _broken(part, _size(part), f"the server stopped before {total:,} bytes")


def _ask(wanted: Download, part: Path, have: int) -> HTTPResponse | None:
    """Ask for a file from a byte on; None if nothing comes after that byte."""
    headers = {"User-Agent": "sslbench"} | ({"Range": f"bytes={have}-"} if have else {})
    request = Request(wanted.url, headers=headers)  # noqa: S310  # http(s): see the catalogue
    try:
        response: HTTPResponse = urlopen(request, timeout=TIMEOUT)  # noqa: S310
    except HTTPError as error:
        error.close()
        if have and error.code == RANGE_NOT_SATISFIABLE:
            whole = error.headers.get("Content-Range") == f"bytes */{have}"
            return None if whole else _ask(wanted, part, 0)
        raise _refused(wanted, part, f"{error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise _broken(part, have, f"no answer from {wanted.url}: {error}") from error
    if response.headers.get_content_type() == "text/html" and not wanted.file.endswith(".html"):
        response.close()
        raise _refused(wanted, part, "a web page in place of the file")
    return response


def _extent(response: HTTPResponse, wanted: Download, have: int) -> tuple[int, int | None]:
    """Return at which byte an answer begins and how long the whole file is, if it says so."""
    start, total = 0, response.length
    if response.status == 206:
        found = RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != have:
            raise FormatError(
                f"the server sent {response.headers.get('Content-Range', 'an unnamed range')!r}",
                where=wanted.url,
                expected=f"the bytes from {have} on",
                hint="delete the .part file to begin anew",
            )
        start, total = have, int(found[2]) + 1 if found[3] == "*" else int(found[3])
    if wanted.bytes is not None and total not in (None, wanted.bytes):
        raise FormatError(
            f"the server has a file of {total:,} bytes",
            where=wanted.url,
            expected=f"{wanted.bytes:,} bytes, as the catalogue says",
            hint="the data set may have a new version; please report it",
        )
    total = wanted.bytes if total is None else total
    if total is None and not response.chunked:
        raise FormatError(
            "the server does not say how long the file is, so a broken one would look whole",
            where=wanted.url,
            hint="fetch it by hand, or give its `bytes` in the catalogue",
        )
    return start, total


def _pieces(response: HTTPResponse, part: Path, have: int) -> Iterator[bytes]:
    try:
        while piece := response.read1(CHUNK):
            have += len(piece)
            yield piece
    except (OSError, HTTPException) as error:
        raise _broken(part, have, f"the connection broke: {error}") from error


def _check_room(part: Path, lacking: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if free < lacking:
        raise DataError(
            f"the disk has {free:,} bytes free",
            where=str(part),
            expected=f"{lacking:,} bytes, which are still to come",
            hint=f"make room and {AGAIN}, or name another folder with --into",
        )


def _check(found: Path, wanted: Download, path: Path) -> None:
    """Compare a file with what is known of it; move it aside if it differs."""
    size = _size(found)
    if wanted.bytes not in (None, size):
        raise _aside(found, path, f"is {size:,} bytes long", f"{wanted.bytes:,} bytes")
    if wanted.checksum:
        checksum = _checksum(found, wanted.checksum.partition(":")[0])
        if checksum != wanted.checksum:
            raise _aside(found, path, f"has the checksum {checksum}", wanted.checksum)


def _checksum(path: Path, kind: str) -> str:
    total = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file, progress_bar(f"check {path.name}", "B", _size(path)) as bar:
        while piece := file.read(CHUNK):
            total.update(piece)
            bar.update(len(piece))
    return f"{kind}:{total.hexdigest()}"


def _aside(found: Path, path: Path, what: str, expected: str = "") -> FormatError:
    """Rename a damaged file, so that the next try does not take it for a whole one."""
    damaged = path.with_name(f"{path.name}.damaged")
    with _writing(damaged):
        found.replace(damaged)
    return FormatError(
        what,
        where=str(path),
        expected=expected,
        hint=f"it is now {damaged.name}; {AGAIN} to fetch it anew",
    )


def _broken(part: Path, have: int, why: str) -> MissingDataError:
    return MissingDataError(
        f"the download is not finished, {have:,} bytes are here: {why}",
        where=str(part),
        hint=f"{AGAIN}: it goes on from there",
    )


def _refused(wanted: Download, part: Path, answer: str) -> MissingDataError:
    return MissingDataError(
        f"the server answered {answer}",
        where=wanted.url,
        expected=f"{wanted.file}, of which {_size(part):,} bytes are here",
        hint=f"{AGAIN} later, or fetch it with a browser and put it at {part.with_suffix('')}",
    )


def _writing(path: Path) -> AbstractContextManager[None]:
    return store_errors(path, what="cannot be read or written", hint=ROOM)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one process at a time append to a file."""
    try:
        with FileLock(lock, timeout=0):
            yield
    except Timeout as error:
        raise DataError(
            "another process is downloading this file", where=str(lock), hint="wait for it"
        ) from error


def _part(wanted: Download, folder: Path) -> Path:
    return folder / f"{wanted.file}.part"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
