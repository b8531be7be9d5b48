"""The store: where finished stages and records lie, so that nothing is computed twice.

::

    <store>/
      train/<key>/        checkpoint/ and stage.json
      predict/<key>/      predictions.npz and stage.json
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from sslbench.errors import StoreError, UnknownNameError

__all__ = ["Stage", "Store", "default_cache", "default_store"]

Stage = Literal["train", "predict"]


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
        with self._writing(self.root):
            for name in ("train", "predict", "runs", "failures", "work", "locks", "tmp"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root / "tmp") as probe:
                probe.write(b"sslbench")

    def workspace(self, key: str) -> Path:
        """Return the folder in which unfinished training of a key is kept."""
        folder = self.root / "work" / key
        with self._writing(folder):
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

    def find(self, stage: Stage, key: str) -> dict[str, Any] | None:
        """Return the facts of a finished stage; None if it is not there or is damaged."""
        return _read_json(self.folder(stage, key) / "stage.json")

    def folder(self, stage: Stage, key: str) -> Path:
        """Return where a stage lies or would lie."""
        return self.root / stage / key

    def put(
        self, stage: Stage, key: str, facts: dict[str, Any], fill: Callable[[Path], None]
    ) -> Path:
        """Write a finished stage: `fill` puts its files into the folder that it is given."""

        def write(folder: Path) -> None:
            fill(folder)
            _write_json(folder / "stage.json", facts)

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
        with self._writing(path):
            if facts is None:
                path.unlink(missing_ok=True)
            else:
                partial = path.with_suffix(f".{os.getpid()}")
                _write_json(partial, facts)
                partial.replace(path)
        return path

    def _publish(self, final: Path, write: Callable[[Path], None]) -> Path:
        # The caller holds the lock of the key. A folder cannot be replaced in one step: the old
        # one is kept under another name until the new one stands.
        self.prepare()
        with self._writing(final):
            partial = Path(tempfile.mkdtemp(dir=self.root / "tmp"))
            old = partial.with_suffix(".old")
            try:
                write(partial)
                if final.exists():
                    final.replace(old)
                partial.replace(final)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
                shutil.rmtree(old, ignore_errors=True)
        return final

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot be written: {error.strerror or error}",
                where=str(path),
                expected="a folder with room that you may write",
                hint="free space, or name another folder with --store or SSLBENCH_STORE; "
                "what was finished before is kept",
            ) from error


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
