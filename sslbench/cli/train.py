"""`sslbench train`: train the selected methods."""

from sslbench.cli.run import cells_command

command = cells_command(
    "train",
    until="train",
    help="""Train methods without running them.

    A trained method is found again by later runs. Methods that do not learn are left out.
    """,
)
