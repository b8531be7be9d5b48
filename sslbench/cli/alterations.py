"""`sslbench alterations`: what can follow after `+` in a data set."""

from sslbench.cli.common.listing import listing_command
from sslbench.specs import AlterationSpec

command = listing_command(
    "alterations",
    AlterationSpec,
    "alteration",
    """List alterations of data sets, or show NAME and its parameters.

    An alteration is applied with `+`, as in `luvira-sim+mics[n=7]:test`.
    """,
)
