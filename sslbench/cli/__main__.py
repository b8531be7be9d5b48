"""``python -m sslbench.cli`` is ``sslbench``."""

from sslbench.cli import main

main()
