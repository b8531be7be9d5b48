"""Atomic and durable writes: the one module through which sslbench writes files.

A file or folder appears under its name only when it is complete: it is written under a temporary
name beside its final place, flushed to the disk and renamed. After a crash or a power failure
either the old content is there or the new content, never a part of it. A temporary name holds the
process id and a random number, so processes that share a folder do not disturb each other::

    write_text(path, text)                  one file, content at hand
    write_bytes(path, data)
    with writing(path) as file: ...         one file, written piece by piece
    with publishing(folder) as temporary:   a folder with all its files
    rename(partial, path)                   a file that is complete under another name
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sslbench.errors import StoreError

__all__ = [
    "publishing",
    "remove_leftovers",
    "rename",
    "store_errors",
    "write_bytes",
    "write_text",
    "writing",
]

HINT = "free some space on the disk, make the folder writable, or name another one"

CANNOT_SYNC = {errno.EACCES, errno.EINVAL, errno.ENOTSUP}
"""Errors of flushing a folder that are ignored: it may not be readable, and some network file
systems cannot flush folders."""


@contextmanager
def store_errors(
    path: Path, *, what: str = "cannot be written", hint: str = HINT
) -> Iterator[None]:
    """Convert an `OSError` that is raised while something is written.

    Args:
        path: the file or folder to be written; the error names it.
        what: what failed, as a clause.
        hint: what the user can do about it.

    Raises:
        StoreError: in place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{what}: {error.strerror or error}",
            where=str(path),
            expected="a folder that can be written to, on a disk with free space",
            hint=hint,
        ) from error


def write_bytes(path: Path, data: bytes, *, hint: str = HINT) -> None:
    """Write a file, or replace it.

    Raises:
        StoreError: if it cannot be written; the old content is then still there.
    """
    with writing(path, hint=hint) as file:
        file.write(data)


def write_text(path: Path, text: str, *, hint: str = HINT) -> None:
    """Write a file in UTF-8, or replace it. Line ends are written as they are.

    Raises:
        StoreError: if it cannot be written; the old content is then still there.
    """
    write_bytes(path, text.encode(), hint=hint)


@contextmanager
def writing(path: Path, *, hint: str = HINT) -> Iterator[BinaryIO]:
    """Open a file that gets its name at the end of the block.

    If the block raises, `path` stays as it was. A symbolic link is followed.

    Raises:
        StoreError: if the block, or what follows it, raises an `OSError`.
    """
    with store_errors(path, hint=hint):
        target = path.resolve()
        temporary = _temporary(target.parent, target.name)
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            _sync(target.parent)
        finally:
            temporary.unlink(missing_ok=True)


def rename(source: Path, target: Path, *, hint: str = HINT) -> None:
    """Give a complete file its final name, in the same folder.

    Raises:
        StoreError: if that fails; the file then keeps its old name.
    """
    with store_errors(source, hint=hint):
        _sync(source)
        source.replace(target)
        _sync(target.parent)


@contextmanager
def publishing(folder: Path, *, inside: Path | None = None, hint: str = HINT) -> Iterator[Path]:
    """Fill a temporary folder that gets its name at the end of the block.

    A folder of that name is kept under another one until the new folder is in its place. If the
    block raises, it stays as it was. Only one process at a time may publish the same folder: a
    caller that cannot rule this out holds a lock.

    Args:
        folder: the final folder; its parent exists.
        inside: where the temporary folder is made, on the same file system; by default beside
            the final one.
        hint: what the user can do if it cannot be written.

    Raises:
        StoreError: if the block, or what follows it, raises an `OSError`.
    """
    temporary = _temporary(inside or folder.parent, folder.name)
    with store_errors(folder, hint=hint):
        try:
            temporary.mkdir()
            yield temporary
            for path in (temporary, *temporary.rglob("*")):
                if not path.is_symlink():
                    _sync(path)
            _replace_folder(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove temporary folders of processes that were killed while they published a folder.

    The caller holds the lock under which that folder is published.
    """
    for path in folder.parent.iterdir():
        if path.name.startswith(f".{folder.name}.") and path.suffix in {".tmp", ".old"}:
            shutil.rmtree(path, ignore_errors=True)


def _temporary(folder: Path, name: str) -> Path:
    return folder / f".{name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"


def _replace_folder(new: Path, folder: Path) -> None:
    # No system call replaces a folder that has files in it.
    old = new.with_suffix(".old")
    existed = folder.exists()
    if existed:
        folder.replace(old)
    try:
        new.replace(folder)
    except BaseException:
        if existed:
            old.replace(folder)
        raise
    _sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    windows, is_folder = os.name == "nt", path.is_dir()
    if windows and is_folder:
        return  # Windows cannot open a folder
    try:
        # Windows flushes only what is open for writing.
        descriptor = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if not (is_folder and error.errno in CANNOT_SYNC):
            raise
