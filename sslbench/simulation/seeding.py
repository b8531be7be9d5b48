"""Named random streams, so that no two uses share one by accident."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["stream"]


def stream(*key: str | int) -> np.random.Generator:
    """Return the random stream for a name; the same on every machine and in every process.

    The seed is the SHA-256 of the name (Python's own `hash` differs between processes), so streams
    with different names, e.g. of two splits or of two scenes, are independent.

    >>> float(stream("test", 3).uniform()) == float(stream("test", 3).uniform())
    True
    """
    name = "\0".join(map(str, key)).encode()
    entropy = int.from_bytes(hashlib.sha256(name).digest(), "big")
    return np.random.default_rng(np.random.SeedSequence(entropy))
