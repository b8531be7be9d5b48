"""Downloading the files of a data set; interrupted downloads can be resumed.

Received data is appended to ``FILE.part``, which is renamed to ``FILE`` when it is complete. The
same command therefore resumes an interrupted download, and a complete file is not downloaded again.

If a file changes on the server between two attempts, the joined file is invalid. This is detected
by its checksum or, if none is published, by the checksums inside zip, rar and gz archives.
"""

# urllib, because no dependency of sslbench can resume a partial file: pooch starts again.

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
from sslbench.datasets.split_zip import members, parts_before, write_member
from sslbench.errors import DataError, FormatError, MissingDataError, UsageError
from sslbench.files import rename, store_errors
from sslbench.progress import progress_bar
from sslbench.specs import DatasetSpec

__all__ = ["downloads", "fetch", "obtain", "so_far", "unpack"]

TIMEOUT = 60.0
"""Maximum time in seconds without data from the server."""

CHUNK = 1 << 20
"""Maximum number of bytes read at once."""

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
"""Exceptions raised by a truncated or damaged archive."""

REPEAT = "run the same command again"
ROOM = (
    "free some space on the disk, or name another folder with --into;"
    f" {REPEAT}: received data is kept"
)
RANGE_NOT_SATISFIABLE = 416
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def downloads(spec: DatasetSpec) -> tuple[Download, ...]:
    """Return the files of a data set that can be downloaded.

    Raises:
        UsageError: if the data set is simulated.
        MissingDataError: if there are none; the message says how to get the data set instead.
    """
    if spec.simulated:
        raise UsageError(
            f"{spec.name} is simulated: there is nothing to download",
            hint="it can be used without a download; "
            f"`sslbench datasets prepare {spec.name}` renders its scenes in advance",
        )
    listed = catalogue().get(spec.name)
    if listed is None or not listed.downloads:
        raise MissingDataError(
            f"{spec.name} has no files that sslbench can download",
            hint=f"download it manually: {spec.where}",
        )
    return listed.downloads


def obtain(wanted: Download, folder: Path) -> str:
    """Download a file into a folder, unpack it there if it is an archive, and report the result.

    Unpacking an archive leaves a marker ``FILE.unpacked``, so that the archive can be deleted.

    Returns:
        One line for the user.

    Raises:
        DataError: if `fetch` or `unpack` fails, or another process downloads the file.
    """
    path = folder / wanted.file
    unpacked = folder / f"{wanted.file}.unpacked"
    if unpacked.exists():
        return f"downloaded and unpacked: {path}"
    with _disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _exclusive(folder / f"{wanted.file}.lock"):
            fetch(wanted, folder)
            if command := _unpack_command(path, folder):
                return f"downloaded: {path}; unpack it with: {command}"
            if not wanted.file.endswith(ARCHIVES):
                return f"downloaded: {path}"
            unpack(path, folder)
            unpacked.touch()
    return f"downloaded and unpacked: {path}"


def _unpack_command(path: Path, folder: Path) -> str:
    """Return the command for an archive that sslbench does not unpack; empty for other files."""
    archive, into = shlex.quote(str(path)), shlex.quote(f"{folder}/")
    if path.suffix == ".rar":
        return f"unrar x {archive} {into}"
    # Before 3.11.4 Python has no protection against archives that write outside their folder.
    protected = hasattr(tarfile, "data_filter")
    return f"tar -xf {archive} -C {into}" if path.name.endswith(TARS) and not protected else ""


def so_far(files: Sequence[Download], folder: Path) -> str:
    """Return a line for the user about the state of files whose download was interrupted."""
    parts = [part for part in (_part(file, folder) for file in files) if part.exists()]
    sizes = "".join(f"{part} has {_size(part):,} bytes; " for part in parts)
    return f"{sizes}{REPEAT} to resume"


def fetch(wanted: Download, folder: Path) -> Path:
    """Download one file into an existing folder, or resume an earlier attempt.

    A file that exists already is only checked.

    Returns:
        Path of the file.

    Raises:
        MissingDataError: if the server does not send the file or the connection breaks; received
            data is kept.
        FormatError: if the length or checksum is wrong; the file is then renamed to
            ``FILE.damaged``.
        DataError: if the file cannot be written or the disk is too small.
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
    """Unpack a zip or tar archive into a folder; a zip archive may be split into parts.

    Raises:
        FormatError: if the archive is damaged or has a path outside the folder.
        DataError: if the files cannot be written.
    """
    with _disk_errors(folder):
        try:
            if archive.suffix == ".zip" and parts_before(archive):
                _unpack_parts(archive, folder)
            elif archive.suffix == ".zip":
                _refuse_outside(archive, folder)
                shutil.unpack_archive(archive, folder)
            else:
                shutil.unpack_archive(archive, folder, filter="data")
        except tarfile.FilterError as error:
            raise _outside(archive, error.tarinfo.name) from error
        except DAMAGE as error:
            raise _set_aside(archive, archive, f"the archive is damaged: {error}") from error


def _unpack_parts(archive: Path, folder: Path) -> None:
    found = members(archive)
    for member in found:
        _check_inside(archive, folder, member.name)
    for member in found:
        path = folder / member.name
        if member.name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_member(archive, member, path)


def _refuse_outside(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            _check_inside(archive, folder, name)


def _check_inside(archive: Path, folder: Path, name: str) -> None:
    # shutil skips such names silently.
    inside = (folder / name).resolve().is_relative_to(folder.resolve())
    if name.startswith("/") or ".." in name or not inside:
        raise _outside(archive, name)


def _outside(archive: Path, name: str) -> FormatError:
    return FormatError(
        f"the archive would write {name!r} outside its folder",
        where=str(archive),
        expected="paths inside the folder, without `..`",
        hint="do not trust this archive and check where it comes from",
    )


def _receive(wanted: Download, part: Path) -> None:
    """Append the missing bytes to a partial file."""
    have = _size(part)
    if have == wanted.bytes:
        return
    response = _request(wanted, part, have)
    if response is None:
        return
    with response:
        start, total = _byte_range(response, wanted, have)
        _check_disk_space(part, (total or start) - start)
        with (
            _disk_errors(part),
            part.open("ab" if start else "wb") as file,
            progress_bar(wanted.file, "B", total, done=start) as bar,
        ):
            for chunk in _chunks(response, part, start):
                file.write(chunk)
                bar.update(len(chunk))
    if total is not None and _size(part) < total:
        raise _interrupted(part, _size(part), f"the server stopped before {total:,} bytes")


def _request(wanted: Download, part: Path, have: int) -> HTTPResponse | None:
    """Request a file from byte `have` on; None if the file ends there."""
    headers = {"User-Agent": "sslbench"} | ({"Range": f"bytes={have}-"} if have else {})
    request = Request(wanted.url, headers=headers)  # noqa: S310  # http(s): see the catalogue
    try:
        response: HTTPResponse = urlopen(request, timeout=TIMEOUT)  # noqa: S310
    except HTTPError as error:
        error.close()
        if have and error.code == RANGE_NOT_SATISFIABLE:
            complete = error.headers.get("Content-Range") == f"bytes */{have}"
            return None if complete else _request(wanted, part, 0)
        raise _refused(wanted, part, f"{error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise _interrupted(part, have, f"no response from {wanted.url}: {error}") from error
    if response.headers.get_content_type() == "text/html" and not wanted.file.endswith(".html"):
        response.close()
        raise _refused(wanted, part, "a web page instead of the file")
    return response


def _byte_range(response: HTTPResponse, wanted: Download, have: int) -> tuple[int, int | None]:
    """Return the first byte of a response and the length of the file, None if unknown."""
    start, total = 0, response.length
    if response.status == 206:
        found = RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != have:
            raise FormatError(
                f"the server sent {response.headers.get('Content-Range', 'an unknown range')!r}",
                where=wanted.url,
                expected=f"the bytes from {have} on",
                hint="delete the .part file to restart the download",
            )
        start, total = have, int(found[2]) + 1 if found[3] == "*" else int(found[3])
    if wanted.bytes is not None and total not in (None, wanted.bytes):
        raise FormatError(
            f"the file on the server has {total:,} bytes",
            where=wanted.url,
            expected=f"{wanted.bytes:,} bytes according to the catalogue",
            hint="the data set may have a new version; please report it",
        )
    total = wanted.bytes if total is None else total
    if total is None and not response.chunked:
        raise FormatError(
            "the server does not send the length of the file, so an incomplete download could not "
            "be detected",
            where=wanted.url,
            hint="download it manually, or add `bytes` to the catalogue",
        )
    return start, total


def _chunks(response: HTTPResponse, part: Path, have: int) -> Iterator[bytes]:
    try:
        while chunk := response.read1(CHUNK):
            have += len(chunk)
            yield chunk
    except (OSError, HTTPException) as error:
        raise _interrupted(part, have, f"the connection broke: {error}") from error


def _check_disk_space(part: Path, missing: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if free < missing:
        raise DataError(
            f"the disk has {free:,} bytes free",
            where=str(part),
            expected=f"{missing:,} bytes for the rest of the file",
            hint=f"free some space and {REPEAT}, or choose another folder with --into",
        )


def _check(found: Path, wanted: Download, path: Path) -> None:
    """Check length and checksum of a file; rename it if they are wrong."""
    size = _size(found)
    if wanted.bytes not in (None, size):
        raise _set_aside(found, path, f"has {size:,} bytes", f"{wanted.bytes:,} bytes")
    if wanted.checksum:
        checksum = _checksum(found, wanted.checksum.partition(":")[0])
        if checksum != wanted.checksum:
            raise _set_aside(found, path, f"has the checksum {checksum}", wanted.checksum)


def _checksum(path: Path, kind: str) -> str:
    total = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file, progress_bar(f"check {path.name}", "B", _size(path)) as bar:
        while chunk := file.read(CHUNK):
            total.update(chunk)
            bar.update(len(chunk))
    return f"{kind}:{total.hexdigest()}"


def _set_aside(found: Path, path: Path, what: str, expected: str = "") -> FormatError:
    """Rename a damaged file, so that the next attempt does not mistake it for a complete one."""
    damaged = path.with_name(f"{path.name}.damaged")
    with _disk_errors(damaged):
        found.replace(damaged)
    return FormatError(
        what,
        where=str(path),
        expected=expected,
        hint=f"the file was renamed to {damaged.name}; {REPEAT} to download it again",
    )


def _interrupted(part: Path, have: int, why: str) -> MissingDataError:
    return MissingDataError(
        f"the download is incomplete after {have:,} bytes: {why}",
        where=str(part),
        hint=f"{REPEAT} to resume it",
    )


def _refused(wanted: Download, part: Path, response: str) -> MissingDataError:
    return MissingDataError(
        f"the server responded with {response}",
        where=wanted.url,
        expected=f"{wanted.file} ({_size(part):,} bytes were received before)",
        hint=f"{REPEAT} later, or download it with a browser and save it as {part.with_suffix('')}",
    )


def _disk_errors(path: Path) -> AbstractContextManager[None]:
    return store_errors(path, what="cannot be read or written", hint=ROOM)


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    """Allow only one process at a time to write a file."""
    try:
        with FileLock(lock, timeout=0):
            yield
    except Timeout as error:
        raise DataError(
            "another process is downloading this file",
            where=str(lock),
            hint="wait until it has finished",
        ) from error


def _part(wanted: Download, folder: Path) -> Path:
    return folder / f"{wanted.file}.part"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
