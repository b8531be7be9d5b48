"""sslbench: a benchmark for sound source localization.

The Python interface is in `sslbench.api`; its names are available here, and are imported when
they are first used: `import sslbench` imports neither numpy nor torch.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sslbench.api import (
        Box,
        Dataset,
        Method,
        MicArray,
        Prediction,
        Recording,
        Results,
        Scene,
        Score,
        Tracks,
        load_dataset,
        load_method,
        localize,
        run,
        score,
    )

__all__ = [
    "Box",
    "Dataset",
    "Method",
    "MicArray",
    "Prediction",
    "Recording",
    "Results",
    "Scene",
    "Score",
    "Tracks",
    "load_dataset",
    "load_method",
    "localize",
    "run",
    "score",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("sslbench")
    if name in __all__:
        return getattr(import_module("sslbench.api"), name)
    raise AttributeError(f"module 'sslbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
