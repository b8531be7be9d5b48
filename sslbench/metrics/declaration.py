"""Declare metrics where they are defined: the decorator `metric`.

A module whose metrics have options in common binds them once, with `functools.partial`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Literal, TypedDict, TypeVar, Unpack

from sslbench.contracts import Metric
from sslbench.scene import Kind
from sslbench.specs import MetricSpec, Parameter

__all__ = ["MetricOptions", "metric", "specs_of"]

Factory = TypeVar("Factory", bound=Callable[..., Metric])

_SPECS: dict[str, dict[str, MetricSpec]] = {}
"""Declared metrics by module and name, in the order of their definition."""


class MetricOptions(TypedDict, total=False):
    """Fields of `MetricSpec` that have a default."""

    kinds: tuple[Kind, ...]
    version: int
    reference: str
    parameters: tuple[Parameter, ...]
    subject: Literal["sources", "microphones"]


def metric(
    *,
    name: str,
    summary: str,
    unit: str,
    higher_is_better: bool | None,
    **options: Unpack[MetricOptions],
) -> Callable[[Factory], Factory]:
    """Declare the decorated function as the factory of a metric.

    The function is called with the parameters of the metric and returns a `Metric`. Its docstring
    is the definition that `sslbench metrics NAME` shows. The function itself is not changed.

    Args:
        name: unique, lower case, words joined by hyphens.
        summary: one line.
        unit: `m`, `deg`, `%`, ...; empty for a number; `distance` for metres or degrees.
        higher_is_better: direction; None if neither is better.
        **options: other fields of `MetricSpec`.

    >>> @metric(name="zero", summary="Always 0", unit="", higher_is_better=None, version=2)
    ... def zero() -> Metric: ...
    >>> import sys
    >>> [spec.name for spec in specs_of(sys.modules[zero.__module__])]
    ['zero']
    """

    def declare(factory: Factory) -> Factory:
        module = factory.__module__
        spec = MetricSpec(
            name=name,
            target=f"{module}:{factory.__qualname__}",
            summary=summary,
            unit=unit,
            higher_is_better=higher_is_better,
            **options,
        )
        _SPECS.setdefault(module, {})[name] = spec
        return factory

    return declare


def specs_of(module: ModuleType) -> list[MetricSpec]:
    """Return the metrics that a module declares, in the order of their definition."""
    return list(_SPECS.get(module.__name__, {}).values())
