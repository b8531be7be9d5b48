"""Random streams that are named, so that no two uses share one by accident."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["stream"]


def stream(*key: str | int) -> np.random.Generator:
    """Return the random stream of a name; the same on every machine, in every process.

    The name goes through SHA-256 (Python's own `hash` differs between processes), so streams of
    different names are independent: those of two splits, say, or of two scenes.

    >>> float(stream("test", 3).uniform()) == float(stream("test", 3).uniform())
    True
    """
    name = "\0".join(map(str, key)).encode()
    entropy = int.from_bytes(hashlib.sha256(name).digest(), "big")
    return np.random.default_rng(np.random.SeedSequence(entropy))
