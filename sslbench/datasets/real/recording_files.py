"""Helpers for loaders of real recordings: selection of files and fingerprints."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

__all__ = ["evenly", "scenes_sha256"]

T = TypeVar("T")


def evenly(items: Sequence[T], limit: int | None) -> list[T]:
    """Return at most `limit` evenly spaced items; all if there are fewer or the limit is None.

    >>> evenly([0, 1, 2, 3, 4], 3)
    [0, 2, 4]
    """
    if limit is None or len(items) <= limit:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, limit).round().astype(int)]


def scenes_sha256(root: Path, files: Iterable[Path], facts: Mapping[str, object]) -> str:
    """Return the SHA-256 of everything that determines scenes made from files.

    Args:
        root: folder to which the names of the files are relative.
        files: files whose names and contents are included.
        facts: other facts to include, e.g. parameters; must be serializable as JSON.
    """
    total = hashlib.sha256(json.dumps(facts, sort_keys=True).encode() + b"\n")
    for path in sorted(set(files)):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(root).as_posix()}\0{content}\n".encode())
    return total.hexdigest()
