"""Names for finished work: a hash of all that determines it, and of nothing else.

Plugin source, parameters, scenes, scale, seed and the stage before go in. Host, time, executor,
number of processes and folders do not.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sslbench.cell import Choice
from sslbench.contracts import Parameter, Value
from sslbench.errors import BrokenPluginError

__all__ = ["digest", "identity", "source_sha256"]

SHARED = ("sslbench.acoustics", "sslbench.geometry", "sslbench.scene")
"""What methods are built of besides their own package."""


LEARNED = ("sslbench.training",)
"""What learned methods are built of besides that."""


def digest(facts: Mapping[str, Any]) -> str:
    """Return a SHA-256 of facts, whatever their order."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def identity(parameters: Sequence[Parameter], choice: Choice) -> dict[str, Value]:
    """Return the parameters of a choice on which a result depends."""
    return {p.name: choice.params[p.name] for p in parameters if p.identity}


def source_sha256(target: str, *, learned: bool = False) -> str:
    """Return a SHA-256 of the code behind a lazy target.

    It covers every file of the target's top package (weights that lie there included) and what
    methods share: a changed cross-correlation changes every method that uses it.

    Args:
        target: ``"package.module:Class"``.
        learned: whether it is trained, and so depends on the training loop.

    Raises:
        BrokenPluginError: if there is no such package.
    """
    package = target.partition(":")[0].partition(".")[0]
    total = hashlib.sha256()
    for name in (package, *SHARED, *(LEARNED if learned else ())):
        for path in _files(name):
            total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _files(package: str) -> list[Path]:
    try:
        found = importlib.util.find_spec(package)
    except ValueError:  # a script has no spec, but it has a file
        script = getattr(sys.modules.get(package), "__file__", None)
        return [Path(script)] if script else []
    if found is None:
        raise BrokenPluginError(f"there is no package {package!r}", hint="reinstall its plugin")
    roots = [Path(place) for place in found.submodule_search_locations or ()]
    if not roots and found.origin:
        return [Path(found.origin)]
    files = (path for root in roots for path in root.rglob("*") if path.is_file())
    return sorted(path for path in files if "__pycache__" not in path.parts)
