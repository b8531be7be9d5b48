"""sslbench: a plugin-based benchmark for sound source localization."""

from importlib.metadata import version as _version

__version__ = _version("sslbench")
