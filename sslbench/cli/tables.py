"""Plain tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from sslbench.contracts import Parameter

__all__ = ["parameter_table", "table"]


def table(rows: Sequence[Sequence[object]], headers: Sequence[str] = ()) -> str:
    """Lay out rows in columns, as wide as their texts."""
    from tabulate import tabulate

    return tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True)


def parameter_table(parameters: Sequence[Parameter]) -> str:
    """Lay out parameters with types, defaults and bounds."""
    if not parameters:
        return "no parameters"
    rows = [
        [p.name, type(p.default).__name__, str(p.default), _bounds(p), p.help] for p in parameters
    ]
    return table(rows, ["parameter", "type", "default", "allowed", "meaning"])


def _bounds(parameter: Parameter) -> str:
    if parameter.choices:
        return "|".join(parameter.choices)
    low = "" if parameter.minimum is None else f"{parameter.minimum:g}"
    high = "" if parameter.maximum is None else f"{parameter.maximum:g}"
    return f"{low}..{high}" if low or high else ""
