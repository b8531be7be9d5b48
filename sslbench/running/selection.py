"""What was selected: methods and data sets by name or pattern, as `sslbench.choices` reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from sslbench.cell import Choice
from sslbench.choices import Selection, choices, parse
from sslbench.contracts import DatasetSpec
from sslbench.errors import UnknownNameError, UsageError
from sslbench.registry import Offer, Registry, nearest

__all__ = ["select_datasets", "select_methods"]

T = TypeVar("T")


def select_methods(registry: Registry, texts: Sequence[str]) -> list[Choice]:
    """Return the chosen methods, in the order they were typed, each once.

    Raises:
        UsageError: if a text is malformed, or a name or parameter unknown.
        PluginError: if a name is unknown and a broken plugin might have offered it.
    """
    chosen: list[Choice] = []
    for text in texts:
        selection = parse(text)
        if selection.split:
            raise UsageError(f"{text!r} gives a split to a method", expected="no `:split`")
        for name in _matches(selection, registry.methods):
            chosen += choices(registry.method(name).spec, selection)
    return _unique(chosen)


def select_datasets(registry: Registry, texts: Sequence[str]) -> list[tuple[Choice, str]]:
    """Return the chosen data sets with their splits, in the order they were typed, each once.

    Raises:
        UsageError: if a text is malformed, or a name, parameter or split unknown.
        PluginError: if a name is unknown and a broken plugin might have offered it.
    """
    chosen: list[tuple[Choice, str]] = []
    for text in texts:
        selection = parse(text)
        for name in _matches(selection, registry.datasets):
            spec = registry.dataset(name).spec
            split = _split(spec, selection.split)
            chosen += [(choice, split) for choice in choices(spec, selection)]
    return _unique(chosen)


def _matches(selection: Selection, table: Mapping[str, Offer[Any]]) -> list[str]:
    """Return the names that a pattern means: those that have the parameters it gives."""
    pattern, wanted = selection.pattern, set(selection.alternatives)
    if not any(mark in pattern for mark in "*?"):
        return [pattern]
    named = [name for name in sorted(table) if fnmatchcase(name, pattern)]
    found = [name for name in named if wanted <= {p.name for p in table[name].spec.parameters}]
    if not found:
        raise UnknownNameError(
            f"nothing matches {pattern!r}" + (f" with {', '.join(wanted)}" if named else ""),
            expected="one of " + ", ".join(sorted(table)),
        )
    return found


def _split(spec: DatasetSpec, split: str) -> str:
    if not split:
        return spec.default_split
    if split not in spec.splits:
        raise UnknownNameError(
            f"{spec.name} has no split {split!r}", expected=nearest(split, list(spec.splits))
        )
    return split


def _unique(items: Sequence[T]) -> list[T]:
    # Parameters are a mapping, which cannot be hashed; lists are short.
    kept: list[T] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept
