"""Where the folders of data sets are on this machine, and what to say when one is not there."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path

from sslbench.datasets.catalogue import CatalogueEntry, entry
from sslbench.errors import MissingDataError

__all__ = ["ENVIRONMENT", "candidates", "find_folder", "missing"]

ENVIRONMENT = "SSLBENCH_DATA"
"""Environment variable that names a folder with one folder a data set."""


def candidates(dataset: str) -> list[Path]:
    """Return the folders in which a data set is looked for, first choice first."""
    named = os.environ.get(ENVIRONMENT, "")
    roots = [Path(named).expanduser()] if named else []
    return [root / dataset for root in (*roots, user_data_path("sslbench") / "datasets")]


def find_folder(dataset: str) -> Path | None:
    """Return the folder of a data set if there is one; None otherwise."""
    return next((folder for folder in candidates(dataset) if folder.is_dir()), None)


def missing(dataset: str, expected: str, folder: Path | None = None) -> MissingDataError:
    """Say where a data set comes from, what to type, and which simulated one works now.

    Args:
        dataset: its name in the catalogue.
        expected: what its folder would hold.
        folder: a folder that is there but does not hold it.
    """
    listed = entry(dataset)
    source = f"{listed.where.address} : {listed.where.steps}" if listed.where else ""
    if listed.downloads:
        source = f"`sslbench datasets download {dataset}` fetches {_files(listed)}; all: {source}"
    twin = f"; its simulated twin works now: --dataset {listed.twin}" if listed.twin else ""
    return MissingDataError(
        f"{dataset} is not on this machine" if folder is None else f"no {dataset} in this folder",
        where=" or ".join(map(str, candidates(dataset))) if folder is None else str(folder),
        expected=expected,
        hint=f"{source}; `sslbench datasets path {dataset}` says where it is looked for{twin}",
    )


def _files(listed: CatalogueEntry) -> str:
    return ", ".join(each.file for each in listed.downloads)
