"""What all figures have in common: size, colours, legend and file formats."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from sslbench.errors import UsageError
from sslbench.files import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["line_styles", "new_figure", "save", "show_legend"]

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
"""Of Okabe and Ito (2008), which colour-blind readers can tell apart; yellow is left out."""

DASHES = ("-", "--", ":", "-.")
"""Lines differ in their dashes too, for print without colours."""

WIDE = 36
"""Characters of a name from which the legend has one column."""


def new_figure(width: float = 6.0, height: float = 4.0) -> Figure:
    """Return an empty figure of a size in inches.

    Raises:
        UsageError: if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("plots need matplotlib", hint="pip install 'sslbench[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def line_styles(count: int) -> list[dict[str, Any]]:
    """Return colour and dashes of each of some lines, as arguments of `Axes.plot`."""
    pairs = zip(cycle(COLOURS), cycle(DASHES), strict=False)
    return [{"color": colour, "linestyle": dashes} for colour, dashes in islice(pairs, count)]


def show_legend(figure: Figure) -> None:
    """Show one legend for all axes, each name once, below them, where it hides nothing."""
    pairs = [axes.get_legend_handles_labels() for axes in figure.axes]
    named = {name: handle for each in pairs for handle, name in zip(*each, strict=True)}
    columns = 2 if max(map(len, named)) <= WIDE else 1
    figure.legend(
        named.values(),
        [fill(name, 2 * WIDE, break_long_words=False) for name in named],
        loc="outside lower center",
        ncols=columns,
        fontsize="small",
        frameon=False,
    )


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the ending of the path.

    The same figure gives the same SVG file: neither date nor random names are in it.

    Raises:
        UsageError: if matplotlib cannot write such a file.
        StoreError: if the file cannot be written.
    """
    import matplotlib

    ending = path.suffix.removeprefix(".")
    metadata = {"Date": None} if ending == "svg" else {}
    try:
        with matplotlib.rc_context({"svg.hashsalt": "sslbench"}), writing(path) as file:
            figure.savefig(file, dpi=150, format=ending, metadata=metadata)
    except ValueError as error:
        raise UsageError(str(error), where=str(path), expected="a .png, .svg or .pdf") from error
