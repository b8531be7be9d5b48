"""`sslbench run`: from a selection to a board."""

from sslbench.cli.cells import cells_verb

command = cells_verb(
    "run",
    until="score",
    help="""Run methods on data sets and print the board of what was run.

    With nothing selected, every method runs on every simulated data set at smoke scale. What is
    in the store already is not run again.
    """,
)
