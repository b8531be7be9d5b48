"""From typed text to choices: ``srp-phat[grid=0.05]+nearest``, ``luvira-sim[t60={0.2,0.4}]:test``.

::

    selection = item { "+" item } [ ":" split ]
    item      = name [ "[" parameter "=" value { "," parameter "=" value } "]" ]

A name may be a pattern with ``*`` and ``?``. Braces list alternatives, and every combination
becomes a choice. To the right of ``+`` stands what takes the result of the left: alterations of a
data set, trackers of a method.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from sslbench.cell import Choice
from sslbench.errors import ParameterError, UnknownNameError, UsageError
from sslbench.registry import Offer, Registry, nearest
from sslbench.specs import (
    AlterationSpec,
    DatasetSpec,
    ExecutorSpec,
    MethodSpec,
    Parameter,
    Spec,
    TrackerSpec,
    Value,
)

__all__ = [
    "Item",
    "Selection",
    "choices",
    "choose",
    "parse",
    "select_datasets",
    "select_executor",
    "select_methods",
    "select_one",
]

T = TypeVar("T")

_ITEM = re.compile(r"(?P<name>[^\[\]:+]+)(\[(?P<params>[^\[\]]*)\])?", re.DOTALL)
_ITEMS = r"[^\[\]:+]+(\[[^\[\]]*\])?"
_SELECTION = re.compile(rf"(?P<items>{_ITEMS}(\+{_ITEMS})*)(:(?P<split>[\w-]+))?", re.DOTALL)
_COMMA_OUTSIDE_BRACES = re.compile(r",(?![^{]*\})")


@dataclass(frozen=True)
class Item:
    """One name with its parameters, as typed.

    Args:
        pattern: a name, perhaps with ``*`` and ``?``.
        alternatives: the texts given for each parameter.
    """

    pattern: str
    alternatives: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Selection:
    """A selection as typed.

    Args:
        item: what is selected.
        additions: what follows after `+`.
        split: name of the split; empty for the default.
    """

    item: Item
    additions: tuple[Item, ...] = ()
    split: str = ""


def parse(text: str) -> Selection:
    """Read one selection.

    >>> parse("luvira-sim[t60={0.2,0.4}]+mics[n=7]:test").additions
    (Item(pattern='mics', alternatives={'n': ('7',)}),)

    Raises:
        UsageError: if it is not of the form ``name[parameter=value,...]+addition:split``.
    """
    found = _SELECTION.fullmatch(text.strip())
    if found is None:
        raise _malformed(text)
    first, *additions = (_item(each, text) for each in _ITEM.finditer(found["items"]))
    return Selection(first, tuple(additions), found["split"] or "")


def _item(found: re.Match[str], text: str) -> Item:
    alternatives: dict[str, tuple[str, ...]] = {}
    for part in _COMMA_OUTSIDE_BRACES.split(found["params"] or ""):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        if not equals or name.strip() in alternatives:
            raise _malformed(text)
        alternatives[name.strip()] = _braces(value.strip())
    return Item(found["name"].strip(), alternatives)


def _malformed(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is not a valid selection",
        expected="name[parameter=value,...]+addition:split,"
        " as in 'luvira-sim[t60={0.2,0.4}]+mics[n=7]:test'",
        hint="quote it, since shells interpret brackets and braces",
    )


def _braces(value: str) -> tuple[str, ...]:
    if value.startswith("{") and value.endswith("}"):
        return tuple(part.strip() for part in value[1:-1].split(","))
    return (value,)


def choose(spec: Spec, params: Mapping[str, Value]) -> Choice:
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


def choices(spec: Spec, item: Item) -> Iterator[Choice]:
    """Return every combination of the alternatives of an item.

    Raises:
        ParameterError: if a parameter is unknown or out of bounds.
    """
    known = {parameter.name: parameter for parameter in spec.parameters}
    read = {
        name: [_parameter(spec, known, name).read(text) for text in texts]
        for name, texts in item.alternatives.items()
    }
    for values in itertools.product(*read.values()):
        yield choose(spec, dict(zip(read, values, strict=True)))


def _parameter(spec: Spec, known: Mapping[str, Parameter], name: str) -> Parameter:
    if name not in known:
        raise ParameterError(
            f"{spec.name} has no parameter {name!r}",
            expected=nearest(name, list(known)) if known else "no parameters",
        )
    return known[name]


def select_methods(registry: Registry, texts: Sequence[str]) -> list[Choice]:
    """Return the selected methods with their trackers, in the order typed, each once.

    Raises:
        UsageError: if a text is malformed, or a name or parameter unknown.
        PluginError: if a name is unknown and a broken plugin might have offered it.
    """
    chosen: list[Choice] = []
    for text in texts:
        selection = parse(text)
        if selection.split:
            raise UsageError(f"{text!r} gives a split to a method", expected="no `:split`")
        chosen += _combinations(registry, selection, MethodSpec, TrackerSpec)
    return _unique(chosen)


def select_datasets(registry: Registry, texts: Sequence[str]) -> list[tuple[Choice, str]]:
    """Return the selected data sets with alterations and split, in the order typed, each once.

    Raises:
        UsageError: if a text is malformed, or a name, parameter or split unknown.
        PluginError: if a name is unknown and a broken plugin might have offered it.
    """
    chosen: list[tuple[Choice, str]] = []
    for text in texts:
        selection = parse(text)
        for choice in _combinations(registry, selection, DatasetSpec, AlterationSpec):
            spec = registry.find(DatasetSpec, choice.name).spec
            chosen.append((choice, _split(spec, selection.split)))
    return _unique(chosen)


def select_executor(registry: Registry, text: str) -> Choice:
    """Return the selected executor with its parameters.

    Raises:
        UsageError: if the text is malformed, or the name or a parameter unknown.
    """
    selection = parse(text)
    if selection.additions or selection.split:
        raise UsageError(
            f"{text!r} is not an executor", expected="one executor without additions and split"
        )
    item = selection.item
    return select_one(list(choices(registry.find(ExecutorSpec, item.pattern).spec, item)), text)


def select_one(chosen: Sequence[T], text: str) -> T:
    """Return the only choice of a text.

    Raises:
        UsageError: if it selects none or several.
    """
    if len(chosen) != 1:
        names = ", ".join(map(_shown, chosen[:5])) + (", ..." if len(chosen) > 5 else "")
        raise UsageError(
            f"{text!r} selects {len(chosen)}", expected=f"exactly one of {names}" if names else ""
        )
    return chosen[0]


def _shown(chosen: object) -> str:
    # A data set comes with its split.
    return ":".join(map(str, chosen)) if isinstance(chosen, tuple) else str(chosen)


def _combinations(
    registry: Registry, selection: Selection, kind: type[Spec], added: type[Spec]
) -> Iterator[Choice]:
    additions = [
        list(choices(registry.find(added, item.pattern).spec, item)) for item in selection.additions
    ]
    for name in _matches(selection.item, registry.table(kind)):
        for choice in choices(registry.find(kind, name).spec, selection.item):
            for combination in itertools.product(*additions):
                yield replace(choice, additions=combination)


def _matches(item: Item, table: Mapping[str, Offer[Any]]) -> list[str]:
    """Return the names that a pattern selects: those that have the parameters it gives."""
    pattern, wanted = item.pattern, set(item.alternatives)
    if not any(mark in pattern for mark in "*?"):
        return [pattern]
    named = [name for name in sorted(table) if fnmatchcase(name, pattern)]
    found = [name for name in named if wanted <= {p.name for p in table[name].spec.parameters}]
    if not found:
        raise UnknownNameError(
            f"nothing matches {pattern!r}" + (f" with {', '.join(wanted)}" if named else ""),
            expected=nearest(pattern, list(table)),
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
