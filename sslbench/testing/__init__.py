"""Conformance checks that any plugin author can run, by pytest or `sslbench plugins check`."""

from sslbench.testing.conformance import (
    Finding,
    check_dataset,
    check_method,
    check_metric,
    check_plugin,
    tiny_recording,
)

__all__ = [
    "Finding",
    "check_dataset",
    "check_method",
    "check_metric",
    "check_plugin",
    "tiny_recording",
]
