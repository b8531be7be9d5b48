"""Files of the audio-only part of LuViRA, in folders or in the zip files as they are downloaded.

Each recording has a folder, named like it, with mono tracks and the start signal of the motion
capture; the ground truth has one file per recording, named like it, anywhere::

    audio_only/music0003/Track 1.wav ... Track 12.wav, Sync.wav
    ground_truth/raw/3D/music0003.tsv           markers
    ground_truth/raw/6D/music0003_6D.tsv        bodies
    ground_truth/extracted/music0003.csv        one body

Zeros in front of numbers, upper and lower case, and the folders above do not matter: the public
documents give the names of recordings and tracks, but not where the archives put the ground truth
of the audio-only recordings. A file that exists both unpacked and in a zip file is read unpacked.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sslbench.datasets.locate import missing
from sslbench.errors import FormatError, MissingDataError
from sslbench.files import store_errors

__all__ = ["GROUND_TRUTH", "NAME", "Member", "RecordingFiles", "find_recordings"]

NAME = "luvira"

GROUND_TRUTH = {"3d": "{}.tsv", "6d": "{}_6D.tsv", "csv": "{}.csv"}
"""File name by kind of ground truth, with a place for the name of the recording."""

LAYOUT = (
    "folders such as audio_only/music0003 with 'Track 1.wav' to 'Track 12.wav' and Sync.wav, and "
    "files such as ground_truth/raw/3D/music0003.tsv; or zip files that contain them"
)
FILE = re.compile(
    r"(?:.*/)?(?P<kind>music|speech)0*(?P<number>[1-4])"
    r"(?:/track ?0*(?P<track>\d+)\.wav|/(?P<sync>sync)\.wav|(?P<motion>\.tsv|_6d\.tsv|\.csv))",
    re.IGNORECASE,
)
KINDS = {".tsv": "3d", "_6d.tsv": "6d", ".csv": "csv"}
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What `zipfile` raises for damaged, encrypted, or unusually compressed members."""


@dataclass(frozen=True)
class Member:
    """A file in a folder or in a zip file.

    Args:
        file: the file, or the zip file.
        size: length in bytes when it is unpacked.
        inside: name in the zip file; empty for a file in a folder.
    """

    file: Path
    size: int
    inside: str = ""

    def __str__(self) -> str:
        return f"{self.file}/{self.inside}" if self.inside else str(self.file)

    @property
    def name(self) -> str:
        """Name of the file without folders."""
        return (self.inside or self.file.name).rpartition("/")[2]

    def sha256(self) -> str:
        """Return the SHA-256 of the content.

        Raises:
            FormatError: if the zip file is damaged.
        """
        if not self.inside:
            return hashlib.sha256(self.file.read_bytes()).hexdigest()
        with _readable(self.file, self.inside), zipfile.ZipFile(self.file) as archive:
            return hashlib.sha256(archive.read(self.inside)).hexdigest()

    @contextmanager
    def unpacked(self, scratch: Path) -> Iterator[Path]:
        """Return the path of the file, which is unpacked into a temporary folder if necessary.

        Args:
            scratch: existing folder in which the temporary folder is made.

        Raises:
            FormatError: if the zip file is damaged.
            StoreError: if there is no space.
        """
        if not self.inside:
            yield self.file
            return
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            target = Path(folder) / self.name
            with store_errors(target), _readable(self.file, self.inside):  # noqa: SIM117
                with zipfile.ZipFile(self.file) as archive, archive.open(self.inside) as member:
                    with target.open("wb") as file:
                        shutil.copyfileobj(member, file)
            yield target


@dataclass
class RecordingFiles:
    """The files of one recording.

    Args:
        name: `music1` to `speech4`.
        tracks: by number.
        sync: start signal of the motion capture; None if there is none.
        motion: ground truth by kind, a key of `GROUND_TRUTH`.
    """

    name: str
    tracks: dict[int, Member] = field(default_factory=dict)
    sync: Member | None = None
    motion: dict[str, Member] = field(default_factory=dict)

    @property
    def long_name(self) -> str:
        """Name as in the archives, `music0003`."""
        return f"{self.name[:-1]}000{self.name[-1]}"

    def put(self, found: re.Match[str], member: Member) -> None:
        """Add a file.

        Raises:
            FormatError: if there is another one of the same name.
        """
        if found["track"]:
            number = int(found["track"])
            self.tracks[number] = _only(self.tracks.get(number), member)
        elif found["sync"]:
            self.sync = _only(self.sync, member)
        else:
            kind = KINDS[found["motion"].lower()]
            self.motion[kind] = _only(self.motion.get(kind), member)


def find_recordings(root: Path | None, names: Sequence[str]) -> list[RecordingFiles]:
    """Return the files of some recordings, in the order of the names.

    Raises:
        MissingDataError: if there is no folder, it has no recording, or one of the names lacks
            its tracks.
        FormatError: if a file exists twice, or a zip file is damaged.
    """
    if root is None or not root.is_dir():
        raise missing(NAME, LAYOUT, root)
    recordings: dict[str, RecordingFiles] = {}
    for path, member in _members(root):
        if found := FILE.fullmatch(path):
            name = found["kind"].lower() + found["number"]
            recordings.setdefault(name, RecordingFiles(name)).put(found, member)
    present = [name for name, files in recordings.items() if files.tracks]
    if not present:
        raise missing(NAME, LAYOUT, root)
    absent = [name for name in names if name not in present]
    if absent:
        raise MissingDataError(
            f"has no tracks of {', '.join(absent)}",
            where=str(root),
            expected=f"{', '.join(names)}, which this split consists of; "
            f"there is {', '.join(sorted(present))}",
            hint="unpack or download Audio_only.zip again",
        )
    return [recordings[name] for name in names]


def _members(root: Path) -> Iterator[tuple[str, Member]]:
    """Return all files with their paths inside the folder or the zip file; zip files come last."""
    archives = []
    for directory, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(directory, name)
            if path.suffix.lower() == ".zip":
                archives.append(path)
            yield path.relative_to(root).as_posix(), Member(path, path.stat().st_size)
    for archive in archives:
        with _readable(archive), zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                yield info.filename, Member(archive, info.file_size, info.filename)


@contextmanager
def _readable(archive: Path, member: str = "") -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise FormatError(
            f"cannot be unpacked: {error}",
            where=f"{archive}/{member}" if member else str(archive),
            expected="a complete zip file",
            hint="download it again",
        ) from error


def _only(known: Member | None, found: Member) -> Member:
    if known is None:
        return found
    if bool(known.inside) == bool(found.inside):
        raise FormatError(
            f"{found.name} exists twice",
            where=f"{known} and {found}",
            expected="each file once",
            hint="remove one of the two",
        )
    return known
