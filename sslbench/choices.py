"""Reading a choice as it is typed: ``srp-phat[grid=0.05]``, ``luvira-sim[t60={0.2,0.4}]:test``.

A selection is a name, or a pattern with ``*`` and ``?``; parameters in brackets; for data sets a
split after a colon. Braces list alternatives, and every combination becomes a choice.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sslbench.cell import Choice
from sslbench.contracts import DatasetSpec, MethodSpec, MetricSpec, Parameter, Value
from sslbench.errors import ParameterError, UsageError
from sslbench.registry import nearest

__all__ = ["Choosable", "Selection", "choices", "choose", "parse"]

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
