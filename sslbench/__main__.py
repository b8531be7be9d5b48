"""``python -m sslbench`` is the command ``sslbench``."""

from sslbench.cli import main

main()
