"""Unpacking zip archives that are split into parts: NAME.z01, NAME.z02, ..., NAME.zip.

Python's `zipfile` refuses them. The directory is at the end of the last part, and gives the place
of a file as the number of a part and an offset in it; a file may go on in the next part (.ZIP File
Format Specification, sections 4.3 and 8).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO
from zipfile import BadZipFile

__all__ = ["Member", "members", "parts_before", "write_member"]

END = struct.Struct("<4s4H2LH")
"""Signature, this part, part of the directory, entries here, entries, length, offset, comment."""

ENTRY = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
END_SIGNATURE, ENTRY_SIGNATURE, LOCAL_SIGNATURE = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
UTF_8 = 0x800
"""Flag of names in UTF-8; others are in code page 437."""

STORED, DEFLATED = 0, 8
CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """A file in the archive.

    Args:
        name: its path, with slashes; of a folder with one at the end.
        method: of compression.
        crc: of its content.
        compressed: bytes in the archive.
        part, offset: where it begins.
    """

    name: str
    method: int
    crc: int
    compressed: int
    part: int
    offset: int


def parts_before(archive: Path) -> list[Path]:
    """Return the parts that come before NAME.zip, in order; empty if it is not split."""
    found: list[Path] = []
    while (part := archive.with_suffix(f".z{len(found) + 1:02d}")).is_file():
        found.append(part)
    return found


def members(archive: Path) -> list[Member]:
    """Read the directory of a split archive.

    Args:
        archive: the last part, NAME.zip.

    Raises:
        BadZipFile: if a part is missing, or the directory cannot be read.
    """
    last = archive.read_bytes()
    at = last.rfind(END_SIGNATURE)
    if at < 0 or len(last) < at + END.size:
        raise BadZipFile("it has no directory")
    _, here, first, _, count, length, offset, _ = END.unpack_from(last, at)
    there = len(parts_before(archive))
    if here != there:
        raise BadZipFile(f"it has {here + 1} parts, of which {there + 1} are there")
    if first != here:
        raise BadZipFile("its directory does not begin in its last part")
    found = list(_entries(last[offset : offset + length]))
    if len(found) != count:
        raise BadZipFile(f"its directory has {len(found)} of {count} files")
    return found


def _entries(directory: bytes) -> Iterator[Member]:
    at = 0
    while at + ENTRY.size <= len(directory):
        signature, _, _, flags, method, _, _, crc, compressed, _, *lengths, part, _, _, offset = (
            ENTRY.unpack_from(directory, at)
        )
        if signature != ENTRY_SIGNATURE:
            raise BadZipFile("its directory is damaged")
        name = directory[at + ENTRY.size :][: lengths[0]]
        text = name.decode("utf-8" if flags & UTF_8 else "cp437")
        yield Member(text, method, crc, compressed, part, offset)
        at += ENTRY.size + sum(lengths)


def write_member(archive: Path, member: Member, path: Path) -> None:
    """Unpack one file of a split archive.

    Args:
        archive: the last part, NAME.zip.
        member: from `members`.
        path: of the file to write; its folder exists.

    Raises:
        BadZipFile: if it is damaged, or compressed by another method than `deflate`.
    """
    if member.method not in (STORED, DEFLATED):
        raise BadZipFile(f"{member.name} is compressed by method {member.method}")
    with _Parts([*parts_before(archive), archive]) as parts, path.open("wb") as file:
        parts.seek(member.part, member.offset)
        header = parts.read(LOCAL.size)
        if len(header) < LOCAL.size or header[:4] != LOCAL_SIGNATURE:
            raise BadZipFile(f"{member.name} is not where the directory says")
        *_, name, extra = LOCAL.unpack(header)
        parts.read(name + extra)
        crc = 0
        for chunk in _content(parts, member):
            crc = zlib.crc32(chunk, crc)
            file.write(chunk)
    if crc != member.crc:
        raise BadZipFile(f"{member.name} has a wrong checksum")


def _content(parts: _Parts, member: Member) -> Iterator[bytes]:
    left = member.compressed
    inflate = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == DEFLATED else None
    while left and (chunk := parts.read(min(left, CHUNK))):
        left -= len(chunk)
        yield inflate.decompress(chunk) if inflate else chunk
    if inflate:
        yield inflate.flush()


class _Parts:
    """The parts of an archive, read one after the other."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        self.number = 0
        self.file: BinaryIO | None = None

    def __enter__(self) -> _Parts:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self.file:
            self.file.close()

    def seek(self, part: int, offset: int) -> None:
        """Go on reading at an offset of a part."""
        if part >= len(self.paths):
            raise BadZipFile(f"it has no part {part + 1}")
        if self.file:
            self.file.close()
        self.number, self.file = part, self.paths[part].open("rb")
        self.file.seek(offset)

    def read(self, count: int) -> bytes:
        """Return the next bytes, fewer at the end of the last part."""
        assert self.file is not None, "after `seek`"
        found = self.file.read(count)
        while len(found) < count and self.number + 1 < len(self.paths):
            self.seek(self.number + 1, 0)
            found += self.file.read(count - len(found))
        return found
