"""Where a network computes."""

from __future__ import annotations

import torch

from sslbench.errors import UsageError

__all__ = ["find_device"]


def find_device(name: str) -> torch.device:
    """Return the device of a name: `auto` is the GPU where there is one.

    Raises:
        UsageError: if there is no such device on this machine.

    >>> find_device("cpu").type
    'cpu'
    """
    available = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if available else "cpu")
    if name not in {"cpu", "cuda"}:
        raise UsageError(f"no device {name!r}", expected="auto, cpu or cuda")
    if name == "cuda" and not available:
        raise UsageError("there is no GPU that torch can use", expected="auto or cpu")
    return torch.device(name)
