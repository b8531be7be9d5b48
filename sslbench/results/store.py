"""The store: where finished stages and records lie, so that nothing is computed twice.

::

    <store>/
      train/<key>/        checkpoint/ and stage.json
      predict/<key>/      predictions.npz and stage.json
      cost/<key>/         stage.json: the cost of inference, measured in a fresh process
      runs/<run id>/      record.json and predictions.npz
      failures/<key>.json what failed, why and where
      work/<key>/         what unfinished training left, to go on from
      locks/              so that two runs share one store

A folder appears under its final name only when it is complete: it is filled under a temporary
name in the same store and renamed. A stage that is there is therefore finished.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, TypeVar

from filelock import FileLock

from sslbench.errors import UnknownNameError
from sslbench.files import publishing, store_errors, write_text
from sslbench.results.stages import StageFacts

__all__ = ["Stage", "Store", "default_cache", "default_store"]

Stage = Literal["train", "predict", "cost"]

Facts = TypeVar("Facts", bound=StageFacts)

HINT = (
    "free some space, or name another folder with --store or SSLBENCH_STORE;"
    " finished stages are kept"
)


def default_store() -> Path:
    """Return ``$SSLBENCH_STORE``, or the user's folder for data of programs."""
    return _folder("SSLBENCH_STORE", "user_data_path", "store")


def default_cache() -> Path:
    """Return ``$SSLBENCH_CACHE``, or the user's folder for what can be made again."""
    return _folder("SSLBENCH_CACHE", "user_cache_path", "scenes")


def _folder(variable: str, kind: str, name: str) -> Path:
    import platformdirs

    named = os.environ.get(variable)
    return Path(named) if named else Path(getattr(platformdirs, kind)("sslbench")) / name


class Store:
    """A store in a folder. Nothing is made before something is written.

    Args:
        root: its folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def prepare(self) -> None:
        """Make the folders, and try whether they can be written.

        A full or read-only disk is told at once, not after hours of training.

        Raises:
            StoreError: if the folder cannot be written.
        """
        with store_errors(self.root, hint=HINT):
            for name in ("train", "predict", "cost", "runs", "failures", "work", "locks", "tmp"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root / "tmp") as probe:
                probe.write(b"sslbench")

    def workspace(self, key: str) -> Path:
        """Return the folder in which unfinished training of a key is kept."""
        folder = self.root / "work" / key
        with store_errors(folder, hint=HINT):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def forget_workspace(self, key: str) -> None:
        """Remove what unfinished training left, once it is finished."""
        shutil.rmtree(self.root / "work" / key, ignore_errors=True)

    def lock(self, key: str) -> FileLock:
        """Return the lock of a key: two runs in one store never do the same stage at once.

        Raises:
            StoreError: if the store cannot be written.
        """
        self.prepare()
        return FileLock(self.root / "locks" / f"{key}.lock")

    def find(self, stage: Stage, key: str, model: type[Facts]) -> Facts | None:
        """Return what a finished stage left; None if it is not there or is damaged."""
        try:
            text = (self.folder(stage, key) / "stage.json").read_text(encoding="utf-8")
            return model.model_validate_json(text)
        except (OSError, ValueError):  # a pydantic error is a ValueError
            return None

    def folder(self, stage: Stage, key: str) -> Path:
        """Return where a stage lies or would lie."""
        return self.root / stage / key

    def put(
        self,
        stage: Stage,
        key: str,
        facts: StageFacts,
        fill: Callable[[Path], None] | None = None,
    ) -> Path:
        """Write a finished stage: `fill` puts its files into the folder that it is given."""

        def write(folder: Path) -> None:
            if fill is not None:
                fill(folder)
            _write_json(folder / "stage.json", facts.model_dump(mode="json"))

        return self._publish(self.folder(stage, key), write)

    def put_run(self, run_id: str, record: str, predictions: bytes) -> Path:
        """Write a record and its predictions; return the record's path."""

        def write(folder: Path) -> None:
            (folder / "predictions.npz").write_bytes(predictions)
            (folder / "record.json").write_text(record, encoding="utf-8")

        with self.lock(run_id):
            return self._publish(self.root / "runs" / run_id, write) / "record.json"

    def run(self, run_id: str) -> Path:
        """Return the path of a record.

        Raises:
            UnknownNameError: if the store has no such run.
        """
        path = self.root / "runs" / run_id / "record.json"
        if not path.is_file():
            close = get_close_matches(run_id, self.runs(), n=3, cutoff=0)
            raise UnknownNameError(
                f"no run {run_id!r} in {self.root}",
                expected=f"perhaps {' or '.join(close)}" if close else "",
                hint="`sslbench runs` lists the stored runs",
            )
        return path

    def matching(self, pattern: str) -> list[Path]:
        """Return the paths of the records whose names match a pattern with * and ?.

        Raises:
            UnknownNameError: if the store has no such run.
        """
        names = [name for name in self.runs() if fnmatchcase(name, pattern)]
        return [self.run(name) for name in names or [pattern]]

    def runs(self) -> list[str]:
        """Return the names of all runs, in order."""
        return sorted(path.parent.name for path in self.root.glob("runs/*/record.json"))

    def failure(self, key: str) -> dict[str, Any] | None:
        """Return why a cell failed the last time; None if it did not."""
        return _read_json(self.root / "failures" / f"{key}.json")

    def put_failure(self, key: str, facts: dict[str, Any] | None) -> Path:
        """Remember why a cell failed; None forgets it."""
        path = self.root / "failures" / f"{key}.json"
        self.prepare()
        with store_errors(path, hint=HINT):
            if facts is None:
                path.unlink(missing_ok=True)
            else:
                _write_json(path, facts)
        return path

    def _publish(self, final: Path, write: Callable[[Path], None]) -> Path:
        # The caller holds the lock of the key.
        self.prepare()
        with publishing(final, inside=self.root / "tmp", hint=HINT) as temporary:
            write(temporary)
        return final


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _write_json(path: Path, data: dict[str, Any]) -> None:
    write_text(path, json.dumps(data, indent=1, sort_keys=True) + "\n", hint=HINT)
