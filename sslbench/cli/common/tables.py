"""Tables of parameters and scores for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sslbench.specs import Parameter
from sslbench.tables import plain_table as table

if TYPE_CHECKING:
    from sslbench.scoring.scores import Score

__all__ = ["parameter_table", "score_table", "table"]


def score_table(scores: Sequence[Score]) -> str:
    """Lay out scores with their confidence intervals and sample sizes."""
    rows = [
        [
            found.name,
            _number(found.value),
            found.unit,
            " to ".join(map(_number, found.ci95)) if found.ci95 else "",
            found.n,
            "" if found.n_eff is None else f"{found.n_eff:.0f}",
        ]
        for found in scores
    ]
    headers = ["metric", "value", "unit", "95 % confidence interval", "n", "effective sample size"]
    return table(rows, headers)


def _number(value: float) -> str:
    return "undefined" if value != value else f"{value:.4g}"


def parameter_table(parameters: Sequence[Parameter]) -> str:
    """Lay out parameters with types, defaults and bounds."""
    if not parameters:
        return "no parameters"
    rows = [
        [p.name, type(p.default).__name__, str(p.default), _allowed(p), p.help] for p in parameters
    ]
    return table(rows, ["parameter", "type", "default", "allowed", "meaning"])


def _allowed(parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(parameter.choices)
    low = "" if parameter.minimum is None else f"{parameter.minimum:g}"
    high = "" if parameter.maximum is None else f"{parameter.maximum:g}"
    return f"{low}..{high}" if low or high else ""
