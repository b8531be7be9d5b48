"""`sslbench predict`: the cells of a selection up to their predictions."""

from sslbench.cli.cells import cells_verb

command = cells_verb(
    "predict",
    until="predict",
    help="""Let methods answer without scoring them.

    Answers are found again, and scored, by `sslbench run`.
    """,
)
