"""Reading a choice as it is typed: ``srp-phat[grid=0.05]``, ``luvira-sim[t60={0.2,0.4}]:test``.

A selection is a name, or a pattern with ``*`` and ``?``; parameters in brackets; for data sets a
split after a colon. Braces list alternatives, and every combination becomes a choice.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from sslbench.cell import Choice
from sslbench.contracts import DatasetSpec, MethodSpec, MetricSpec, Parameter, Value
from sslbench.errors import ParameterError, UnknownNameError, UsageError
from sslbench.registry import Offer, Registry, nearest

__all__ = [
    "Choosable",
    "Selection",
    "choices",
    "choose",
    "parse",
    "select_datasets",
    "select_methods",
]

T = TypeVar("T")

Choosable = MethodSpec | DatasetSpec | MetricSpec
"""What has parameters."""

_SELECTION = re.compile(r"(?P<name>[^\[\]:]+)(\[(?P<params>.*)\])?(:(?P<split>[\w-]+))?", re.DOTALL)
_COMMA_OUTSIDE_BRACES = re.compile(r",(?![^{]*\})")


@dataclass(frozen=True)
class Selection:
    """A selection as it was typed.

    Args:
        pattern: a name, perhaps with ``*`` and ``?``.
        alternatives: the texts given for each parameter.
        split: name of the split; empty for the default.
    """

    pattern: str
    alternatives: Mapping[str, tuple[str, ...]]
    split: str = ""


def parse(text: str) -> Selection:
    """Read one selection.

    >>> parse("luvira-sim[t60={0.2,0.4}]:test")
    Selection(pattern='luvira-sim', alternatives={'t60': ('0.2', '0.4')}, split='test')

    Raises:
        UsageError: if it is not of the form ``name[parameter=value,...]:split``.
    """
    found = _SELECTION.fullmatch(text.strip())
    if found is None:
        raise _malformed(text)
    alternatives: dict[str, tuple[str, ...]] = {}
    for item in _COMMA_OUTSIDE_BRACES.split(found["params"] or ""):
        if not item.strip():
            continue
        name, equals, value = item.partition("=")
        if not equals or name.strip() in alternatives:
            raise _malformed(text)
        alternatives[name.strip()] = _braces(value.strip())
    return Selection(found["name"].strip(), alternatives, found["split"] or "")


def _malformed(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is not a selection",
        expected="name[parameter=value,...]:split, as in 'luvira-sim[t60={0.2,0.4}]:test'",
        hint="quote it, since shells read brackets and braces",
    )


def _braces(value: str) -> tuple[str, ...]:
    if value.startswith("{") and value.endswith("}"):
        return tuple(part.strip() for part in value[1:-1].split(","))
    return (value,)


def choose(spec: Choosable, params: Mapping[str, Value]) -> Choice:
    """Return a spec with the given parameter values, as from a record.

    Raises:
        ParameterError: if a parameter is unknown or out of bounds.
    """
    known = {parameter.name: parameter for parameter in spec.parameters}
    for name, value in params.items():
        _parameter(spec, known, name).check(value)
    full = {name: params.get(name, parameter.default) for name, parameter in known.items()}
    changed = tuple(name for name, value in full.items() if value != known[name].default)
    return Choice(spec.name, full, changed)


def choices(spec: Choosable, selection: Selection) -> Iterator[Choice]:
    """Return every combination of the alternatives of a selection.

    Raises:
        ParameterError: if a parameter is unknown or out of bounds.
    """
    known = {parameter.name: parameter for parameter in spec.parameters}
    read = {
        name: [_parameter(spec, known, name).read(text) for text in texts]
        for name, texts in selection.alternatives.items()
    }
    for values in itertools.product(*read.values()):
        yield choose(spec, dict(zip(read, values, strict=True)))


def _parameter(spec: Choosable, known: Mapping[str, Parameter], name: str) -> Parameter:
    if name not in known:
        raise ParameterError(
            f"{spec.name} has no parameter {name!r}",
            expected=nearest(name, list(known)) if known else "no parameters",
        )
    return known[name]


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
