"""Running: from a selection to records. This module offers the executors of the core."""

from __future__ import annotations

from collections.abc import Sequence

from sslbench.hookspecs import hookimpl
from sslbench.specs import ExecutorSpec

__all__ = ["sslbench_executors"]


@hookimpl
def sslbench_executors() -> Sequence[ExecutorSpec]:
    """Offer the executors of the core."""
    return [
        ExecutorSpec(
            name="processes",
            target="sslbench.running.executors:Processes",
            summary="cells in processes of this machine, as many at a time as --jobs says",
        )
    ]
