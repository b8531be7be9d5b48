"""`sslbench train`: the cells of a selection up to their checkpoints."""

from sslbench.cli.cells import cells_verb

command = cells_verb(
    "train",
    until="train",
    help="""Train methods without scoring them.

    A trained method is found again by later runs. Methods with nothing to learn are left alone.
    """,
)
