"""Records of the present schema, as small as they can be."""

from typing import Any

from sslbench.results.names import run_name
from sslbench.results.record import SCHEMA_VERSION, RunRecord

Data = dict[str, Any]


def record_data(name="mine", seed=0) -> Data:
    """Return the content of a record of the data set `square`, without scores."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": "",
        "scale": "smoke",
        "seed": seed,
        "protocol": "sslbench",
        "command": f"sslbench run --method '{name}' --dataset 'square:test' --seed {seed}",
        "method": {
            "name": name,
            "version": 1,
            "params": {},
            "additions": [],
            "plugin": {"distribution": "sslbench", "version": "0.1.0", "files_sha256": ""},
            "source_sha256": "cd" * 32,
            "parameters": 0,
            "licence": "MIT",
            "training": [],
            "parts": [],
            "reference": False,
            "label": name,
            "curve": [],
        },
        "dataset": {
            "name": "square",
            "version": "1",
            "params": {},
            "additions": [],
            "split": "test",
            "scenes_sha256": "",
            "recordings": 12,
            "clusters": {},
            "kind": "position",
            "primary_metric": "",
            "licence": "MIT",
            "label": "square",
        },
        "metrics": [],
        "by_condition": {},
        "resampled": None,
        "published": [],
        "predictions": {"path": "predictions.npz", "sha256": "00" * 32},
        "cost": {
            "train_s": 0.0,
            "infer_s": 1.0,
            "real_time_factor": 0.5,
            "peak_ram_mb": 100.0,
            "peak_vram_mb": None,
            "cpu": "a processor",
            "threads": 1,
            "isolated": True,
        },
        "environment": {},
        "source": {"commit": "0123456789abcdef", "dirty": False},
        "created": "2025-01-01T00:00:00+00:00",
    }


def replaced(data: Data, **changes: Any) -> Data:
    """Replace entries of a record; `method__label` reaches inside. The run is named anew."""
    for key, value in changes.items():
        outer, _, inner = key.rpartition("__")
        (data[outer] if outer else data)[inner] = value
    if "run_id" not in changes:
        data["run_id"] = run_name(RunRecord.model_validate(data))
    return data


def training(data: str, seed=0) -> Data:
    """Return one training of the chain of a method."""
    name = data.partition("[")[0].partition("+")[0]
    return {
        "data": data,
        "name": name,
        "params": {},
        "additions": [],
        "scale": "smoke",
        "seed": seed,
        "key": "",
    }
