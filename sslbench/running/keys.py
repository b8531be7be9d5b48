"""Names for finished work: a hash of all that determines it, and of nothing else.

Plugin source, parameters, scenes, scale, seed and the stage before go in. Host, time, executor,
number of processes and folders do not.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sslbench.cell import Choice
from sslbench.contracts import Parameter, Value

__all__ = ["digest", "identity", "source_sha256"]


def digest(facts: Mapping[str, Any]) -> str:
    """Return a SHA-256 of facts, whatever their order."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def identity(parameters: Sequence[Parameter], choice: Choice) -> dict[str, Value]:
    """Return the parameters of a choice on which a result depends."""
    return {p.name: choice.params[p.name] for p in parameters if p.identity}


def source_sha256(target: str) -> str:
    """Return a SHA-256 of the code behind a lazy target.

    It covers every Python file of the target's top package; for a target within sslbench itself,
    of its sub-package. What methods share (`sslbench.acoustics`) is always covered: a changed
    cross-correlation changes every method that uses it.
    """
    module = target.partition(":")[0]
    top, *rest = module.split(".")
    package = f"{top}.{rest[0]}" if top == "sslbench" and rest else top
    total = hashlib.sha256()
    for name in sorted({package, "sslbench.acoustics"}):
        for path in _sources(name):
            total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _sources(package: str) -> list[Path]:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return []
    origin = Path(found.origin)
    if origin.name != "__init__.py":
        return [origin]
    return sorted(origin.parent.rglob("*.py"))
