"""Fixtures for running cells, to have records to read."""

from running.conftest import bench, cell, registry

__all__ = ["bench", "cell", "registry"]
