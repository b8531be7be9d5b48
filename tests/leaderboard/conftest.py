"""A small folder of records, made by hand: a dozen scenes in a 6 x 6 x 6 m room."""

import copy
import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sslbench.running.record_builder import SEED

from helpers.metric_cases import SPECS, make
from sslbench.errors import UnknownNameError
from sslbench.results.predictions import dump_predictions
from sslbench.results.record import MetricEntry, RunRecord
from sslbench.scene import Prediction, Tracks
from sslbench.scoring.protocols import ConfiguredMetric
from sslbench.scoring.scores import score, score_strata
from sslbench.specs import ProtocolSpec

RECORDINGS = 12
MANIFEST = "ab" * 32

MakeRun = Callable[..., Path]


METRICS = (
    "position-accuracy[within=30cm]",
    "coverage",
    "position-error-mean",
    "position-error-percentile[p=50]",
    "position-error-capped",
)
"""A few are enough, and quick."""

RULES = ProtocolSpec("sslbench", "", METRICS, association="", gate="", silence="", averaging="")


def installed(protocol, kind):
    if protocol != "sslbench":
        raise UnknownNameError(f"no protocol is named {protocol!r}")
    return RULES, [
        ConfiguredMetric(name, SPECS[name.partition("[")[0]], make(name)) for name in METRICS
    ]


@pytest.fixture
def choose_rules():
    return installed


def scenes() -> dict[str, Tracks]:
    rng = np.random.default_rng(0)
    return {
        f"rec-{index}": Tracks.of([0.0], rng.uniform(0, 6, (1, 1, 3)), "position")
        for index in range(RECORDINGS)
    }


CONDITIONS = {f"rec-{index}": {"t60_s": 0.2 + 0.2 * (index % 2)} for index in range(RECORDINGS)}


@pytest.fixture
def truths() -> dict[str, Tracks]:
    return scenes()


@pytest.fixture
def conditions():
    return CONDITIONS


@functools.cache
def answered_and_scored(error, seed):
    """Return the bytes of a predictions file and the numbers it is worth."""
    rng = np.random.default_rng(seed)
    pairs = {
        key: (answered(truth, error * rng.normal(size=(1, 1, 3))), truth)
        for key, truth in scenes().items()
    }
    rules, metrics = installed("sslbench", "position")
    primary = [metric for metric in metrics if metric.label == "position-error-capped"]
    strata = score_strata(pairs, CONDITIONS, primary, rules, SEED)
    scores = score(list(pairs.values()), metrics, rules, SEED)
    return (
        dump_predictions({key: Prediction(answer) for key, (answer, _) in pairs.items()}),
        entries(scores),
        scores[-1].resampled.tolist(),
        {
            key: {label: entries(found) for label, found in bins.items()}
            for key, bins in strata.items()
        },
    )


def answered(truth, error):
    # In single precision, as a predictions file holds it and as a run is scored.
    return Tracks.of(truth.times, (truth.xyz + error).astype(np.float32), "position")


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Return a function that writes a run into a store: record.json and predictions.npz.

    Keyword arguments replace entries of the record; `method__label` reaches inside.
    """

    def make(name="mine", error=0.1, seed=0, **changes) -> Path:
        folder = tmp_path / "store" / f"{name}-{seed}"
        folder.mkdir(parents=True)
        predictions, metrics, drawn, strata = answered_and_scored(error, seed)
        (folder / "predictions.npz").write_bytes(predictions)
        record = written(name, seed, predictions)
        record |= {"metrics": copy.deepcopy(metrics), "strata": copy.deepcopy(strata)}
        record["resampled"]["values"] = list(drawn)
        for key, value in changes.items():
            inner, _, outer = key.rpartition("__")[::-1]
            (record[outer] if outer else record)[inner] = value
        (folder / "record.json").write_text(json.dumps(record))
        return folder / "record.json"

    return make


def entries(scores):
    known = [{name: getattr(found, name) for name in MetricEntry.model_fields} for found in scores]
    return [json.loads(json.dumps(entry).replace("NaN", "null")) for entry in known]


def written(name, seed, predictions):
    return {
        "schema_version": 2,
        "run_id": f"{name}-square-{seed}",
        "status": "ok",
        "reason": "",
        "scale": "smoke",
        "seeds": [seed],
        "command": f"sslbench run --method '{name}' --dataset 'square:test' --seed {seed}",
        "method": {
            "name": name,
            "params": {},
            "plugin": "sslbench 0.1.0",
            "source_sha256": "cd" * 32,
            "parameters": 0,
            "licence": "MIT",
            "trained_on": "",
            "curve": [],
            "reference": False,
            "label": name,
        },
        "dataset": {
            "name": "square",
            "version": "1",
            "params": {},
            "split": "test",
            "manifest_sha256": MANIFEST,
            "recordings": RECORDINGS,
            "kind": "position",
            "primary_metric": "position-error-capped",
            "licence": "CC0-1.0",
            "label": "square",
        },
        "resampled": {"metric": "position-error-capped", "units": RECORDINGS, "values": []},
        "published": [],
        "predictions": {
            "path": "predictions.npz",
            "sha256": hashlib.sha256(predictions).hexdigest(),
        },
        "cost": {
            "train_s": 0.0,
            "infer_s": 1.0,
            "real_time_factor": 0.5,
            "peak_ram_mb": 100.0,
            "peak_vram_mb": None,
        },
        "environment": {},
        "source": {"commit": "0123456789abcdef", "dirty": False},
        "created": "2025-01-01T00:00:00+00:00",
    }


@pytest.fixture
def load_run(make_run):
    def load(*args, **kwargs) -> RunRecord:
        return RunRecord.model_validate_json(make_run(*args, **kwargs).read_text())

    return load


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    return tmp_path / "leaderboards"
