"""`sslbench trackers`: what can follow after `+` in a method."""

from sslbench.cli.common.listing import listing_command
from sslbench.specs import TrackerSpec

command = listing_command(
    "trackers",
    TrackerSpec,
    "tracker",
    """List trackers, or show NAME and its parameters.

    A tracker is applied to the stored predictions of a method with `+`, as in `srp-phat+nearest`.
    """,
)
