"""Keys of finished work: a hash of everything that determines it, and of nothing else.

What goes in: the version of each spec, parameters, code (as syntax trees without docstrings and
comments), scenes, scale, seed, and the stage before. Host, time, executor, number of processes and
folders do not.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from sslbench.cell import Choice
from sslbench.errors import BrokenPluginError
from sslbench.specs import Parameter, Value

__all__ = ["CORE_VERSION", "digest", "files_sha256", "identity", "source_sha256"]

CORE_VERSION = 1
"""Raised by hand whenever the core gives other predictions or checkpoints for the same input.

The core is `sslbench` itself: acoustics, scenes, the training loop, inference. Its code is in no
key: rewording a comment, or a change that leaves results alone, must not invalidate checkpoints.
"""


def digest(facts: Mapping[str, Any]) -> str:
    """Return a SHA-256 of facts, whatever their order."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def identity(parameters: Sequence[Parameter], choice: Choice) -> dict[str, Value]:
    """Return the parameters of a choice that results depend on.

    Neutral parameters at their default are left out, see `Parameter`.
    """
    return {
        each.name: choice.params[each.name]
        for each in parameters
        if each.identity and not (each.neutral and choice.params[each.name] == each.default)
    }


def source_sha256(target: str) -> str:
    """Return a SHA-256 of the code that the class behind a lazy target depends on.

    It covers all files of the target's top package, and of the packages of other plugins that it
    imports: Python files as syntax trees without docstrings, other files (weights) by content.
    Together with `CORE_VERSION` it stands for the code of a method.

    Args:
        target: ``"package.module:Class"``.

    Raises:
        BrokenPluginError: if there is no such package.
    """
    return _source_sha256(target.partition(":")[0].partition(".")[0])


@cache
def _source_sha256(package: str) -> str:
    total = hashlib.sha256(f"core {CORE_VERSION}\n".encode())
    for name in _with_needed(package):
        for path in _files(name):
            total.update(path.name.encode() + b"\0" + _content(path))
    return total.hexdigest()


def files_sha256(target: str) -> str:
    """Return a SHA-256 of the installed files of the target's top package, byte by byte."""
    total = hashlib.sha256()
    for path in _files(target.partition(":")[0].partition(".")[0]):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _with_needed(package: str) -> list[str]:
    """Return a package and the plugin packages that it imports, directly or through others."""
    found, waiting = [], [package]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.append(name)
        imported = {top for path in _files(name) if path.suffix == ".py" for top in _imports(path)}
        waiting += sorted(imported & _plugin_packages())
    return sorted(found)


@cache
def _plugin_packages() -> frozenset[str]:
    tops = {point.value.partition(":")[0].partition(".")[0] for point in _entry_points()}
    return frozenset(tops - {"sslbench"})


def _entry_points() -> Iterator[Any]:
    yield from entry_points(group="sslbench")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _content(path: Path) -> bytes:
    if path.suffix != ".py":
        return path.read_bytes()
    return ast.dump(_without_docstrings(ast.parse(path.read_bytes()))).encode()


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            # A string alone is a docstring, or documents the name above it.
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
    return tree


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _files(package: str) -> list[Path]:
    if package == "sslbench":
        return []  # `CORE_VERSION` stands for it
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
