"""Records of a method that is not installed, on the data set `square` of `helpers.world`."""

import copy
import functools
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers import world
from helpers.records import record_data, replaced
from sslbench.cell import Cell, Choice
from sslbench.results.predictions import dump_predictions, load_predictions
from sslbench.results.record import RunRecord, read_record
from sslbench.results.store import Store
from sslbench.running.records import evaluation_entries
from sslbench.running.session import Session
from sslbench.scene import Prediction, Tracks
from sslbench.scoring.scores import evaluate

MakeRun = Callable[..., Path]

CELL = Cell(Choice("mine"), Choice("square"), "test", "smoke")


@functools.cache
def scoring_session() -> Session:
    return Session(world.make_registry(), Store(Path("unused")), Path("unused"))


@functools.cache
def scored(error: float, seed: int) -> tuple[bytes, dict[str, Any]]:
    """Return a predictions file with normally distributed errors, and its scores."""
    rng = np.random.default_rng(seed)
    ground_truth = scoring_session().ground_truth(CELL)
    data = dump_predictions(
        {
            name: Prediction(
                Tracks.of(each.times, each.xyz + error * rng.normal(size=(1, 1, 3)), each.kind)
            )
            for name, each in ground_truth.tracks.items()
        }
    )
    # In single precision, as a predictions file holds it and as a run is scored.
    predictions = load_predictions(io.BytesIO(data))
    found = evaluate(scoring_session().rules(CELL), predictions, ground_truth, "predictions")
    facts = {
        "scenes_sha256": ground_truth.scenes_sha256,
        "clusters": ground_truth.cluster_numbers,
        "primary_metric": found.primary,
    }
    return data, {"dataset": facts, "scores": evaluation_entries(found)}


def content(name: str, error: float, seed: int, predictions: str) -> dict[str, Any]:
    """Return the content of a record as it is read from JSON."""
    data, found = scored(error, seed)
    record = record_data(name, seed)
    record["dataset"] |= found["dataset"]
    record["predictions"] = {"path": predictions, "sha256": hashlib.sha256(data).hexdigest()}
    made = RunRecord.model_validate(record | found["scores"])
    return json.loads(made.to_json())


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Return a function that writes a run into a store: record.json and predictions.npz.

    Keyword arguments replace entries of the record; `method__label` reaches inside. Unless
    `run_id` is replaced too, it follows from the content.
    """

    def make(name="mine", error=0.1, seed=0, **changes) -> Path:
        folder = tmp_path / "store" / f"{name}-{seed}-{error}"
        folder.mkdir(parents=True)
        (folder / "predictions.npz").write_bytes(scored(error, seed)[0])
        record = replaced(content(name, error, seed, "predictions.npz"), **copy.deepcopy(changes))
        text = RunRecord.model_validate(record).to_json()
        (folder / "record.json").write_text(text)
        return folder / "record.json"

    return make


@pytest.fixture
def load_run(make_run):
    def load(*args, **kwargs) -> RunRecord:
        return read_record(make_run(*args, **kwargs))

    return load


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    return tmp_path / "leaderboards"


@pytest.fixture
def edit() -> Callable[..., None]:
    """Return a function that changes the content of a committed record."""

    def go(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))

    return go
