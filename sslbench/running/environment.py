"""The origin of a record: versions, machine, and the commit of the installed sslbench."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from pathlib import Path

import sslbench
from sslbench.results.record import SourceEntry
from sslbench.running.cost import cpu_model

__all__ = ["environment", "source"]

_PACKAGES = ("sslbench", "numpy", "scipy", "torch", "pyroomacoustics")


def environment(plugins: Iterable[Mapping[str, str]] = ()) -> dict[str, str]:
    """Return versions, the type of machine, and what plugins add; no host or user name."""
    facts: dict[str, str] = {}
    for extra in plugins:
        facts |= {str(key): str(value) for key, value in extra.items()}
    # These come last, so that no plugin can replace them.
    facts |= {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_model(),
        "cores": str(os.cpu_count()),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
    }
    return facts | {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def source() -> SourceEntry:
    """Return the commit of the sslbench that is running, and whether it was changed since.

    A checkout is asked through git, but only if git tracks this very file there: the repository
    of the current folder, or of a folder in which the package happens to lie, says nothing. An
    installation from a repository knows its commit from its metadata.
    """
    here = Path(sslbench.__file__).resolve()
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is not None:
        commit = _git(here.parent, "rev-parse", "HEAD")
        changes = _git(here.parent, "status", "--porcelain", "--untracked-files=no", ":/")
        return SourceEntry(commit=commit, dirty=None if changes is None else bool(changes))
    return SourceEntry(commit=_installed_commit(distribution("sslbench")), dirty=None)


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _installed_commit(package: Distribution) -> str | None:
    # PEP 610: pip writes where a package came from.
    text = package.read_text("direct_url.json")
    info = json.loads(text).get("vcs_info", {}) if text else {}
    commit = info.get("commit_id")
    return str(commit) if commit else None
