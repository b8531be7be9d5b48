"""`sslbench predict`: run the selected methods without scoring them."""

from sslbench.cli.run import cells_command

command = cells_command(
    "predict",
    until="predict",
    help="""Run methods without scoring their predictions.

    Predictions are kept in the store, and scored by `sslbench run`.
    """,
)
