"""Contract checks for plugin authors, for use in pytest or by `sslbench plugins check`."""

from sslbench.testing.conformance import (
    Violation,
    check_dataset,
    check_method,
    check_metric,
    check_plugin,
    tiny_recording,
)

__all__ = [
    "Violation",
    "check_dataset",
    "check_method",
    "check_metric",
    "check_plugin",
    "tiny_recording",
]
