"""Contract checks for plugin authors, for use in pytest or by `sslbench plugins check`."""

from sslbench.testing.additions import check_alteration, check_tracker
from sslbench.testing.conformance import check_dataset, check_method, check_metric, check_plugin
from sslbench.testing.recordings import tiny_recording
from sslbench.testing.violations import Violation

__all__ = [
    "Violation",
    "check_alteration",
    "check_dataset",
    "check_method",
    "check_metric",
    "check_plugin",
    "check_tracker",
    "tiny_recording",
]
