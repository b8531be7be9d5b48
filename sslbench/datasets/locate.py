"""Locations of data set folders on this machine, and the error for a missing one."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path

from sslbench.datasets.catalogue import CatalogueEntry, entry
from sslbench.errors import MissingDataError

__all__ = ["candidates", "find_folder", "missing"]

ENVIRONMENT = "SSLBENCH_DATA"
"""Environment variable with the path of a folder that has one subfolder per data set."""


def candidates(dataset: str) -> list[Path]:
    """Return the folders in which a data set is searched for, in order of preference."""
    given = os.environ.get(ENVIRONMENT, "")
    roots = [Path(given).expanduser()] if given else []
    return [root / dataset for root in (*roots, user_data_path("sslbench") / "datasets")]


def find_folder(dataset: str) -> Path | None:
    """Return the folder of a data set, or None if there is none."""
    return next((folder for folder in candidates(dataset) if folder.is_dir()), None)


def missing(dataset: str, expected: str, folder: Path | None = None) -> MissingDataError:
    """Return an error that says how to get a data set, and which simulated one can replace it.

    Args:
        dataset: name in the catalogue.
        expected: content of its folder.
        folder: an existing folder that does not contain the data set.
    """
    listed = entry(dataset)
    source = f"{listed.where.address} : {listed.where.steps}" if listed.where else ""
    if listed.downloads:
        source = f"`sslbench datasets download {dataset}` fetches {_files(listed)}; all: {source}"
    todo = [source, f"`sslbench datasets path {dataset}` lists the folders searched"]
    if listed.twin:
        todo.append(f"a simulated counterpart needs no download: --dataset {listed.twin}")
    return MissingDataError(
        f"{dataset} is not on this machine"
        if folder is None
        else f"{dataset} is not in this folder",
        where=" or ".join(map(str, candidates(dataset))) if folder is None else str(folder),
        expected=expected,
        hint="\n    ".join(todo),
    )


def _files(listed: CatalogueEntry) -> str:
    return ", ".join(each.file for each in listed.downloads)
