"""Records of older schema versions, brought to the present one.

===========  ===================================================================================
version 2    effective sample sizes, values on resamples, learning curves
version 3    training as a chain, parts, trackers and alterations, plugin provenance, clusters,
             how costs were measured; one protocol and one seed per record; capped errors are
             named so
===========  ===================================================================================
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from sslbench.errors import FormatError

__all__ = ["EXTERNAL", "SCHEMA_VERSION", "migrated"]

SCHEMA_VERSION = 3

EXTERNAL = "external predictions"
"""Stands for the plugin of a method whose predictions were made by other software."""

Data = dict[str, Any]

_TRAINED_ON = re.compile(r"(?P<data>.*):train \((?P<scale>\w+)\)")


def migrated(data: Data, where: str) -> Data:
    """Return the content of a record in the present schema.

    Raises:
        FormatError: if its schema is not known, or it is of a run that failed or has no scores.
    """
    version = data.get("schema_version")
    if version in (1, 2):
        _check_finished(data, where)
    if version == 1:
        data, version = _to_2(data), 2
    if version == 2:
        return _to_3(data)
    if version != SCHEMA_VERSION:
        raise FormatError(
            f"schema version {version!r}",
            where=where,
            expected=f"{SCHEMA_VERSION}",
            hint="update sslbench to read a newer record",
        )
    return data


def _check_finished(data: Data, where: str) -> None:
    # Later records are of finished runs only, which have one seed and at least one score.
    if data["status"] != "ok" or not data["metrics"] or len(data["seeds"]) != 1:
        raise FormatError(
            f"a run of status {data['status']} with {len(data['metrics'])} scores and"
            f" {len(data['seeds'])} seeds",
            where=where,
            expected="a finished run with scores and one seed",
            hint=f"run it again: {data['command']}",
        )


def _to_2(data: Data) -> Data:
    for entry in _metric_entries(data):
        entry.setdefault("n_eff", None)
    return data | {"schema_version": 2, "resampled": None}


def _metric_entries(data: Data) -> Iterator[Data]:
    bins = [entries for each in data["strata"].values() for entries in each.values()]
    yield from itertools.chain(data["metrics"], *bins)


def _to_3(data: Data) -> Data:
    protocol = next(entry["protocol"] for entry in _metric_entries(data))
    for entry in _metric_entries(data):
        del entry["protocol"]
        entry["name"] = _renamed(entry["name"])
    kept = ("run_id", "scale", "command", "metrics", "predictions", "environment", "source")
    return {
        "schema_version": SCHEMA_VERSION,
        **{key: data[key] for key in kept},
        "seed": data["seeds"][0],
        "protocol": protocol,
        "method": _method(data),
        "dataset": _dataset(data["dataset"]),
        "by_condition": data["strata"],
        "resampled": _with_metric(data["resampled"]),
        "published": [_with_metric(entry) for entry in data["published"]],
        "cost": _cost(data),
        "created": data["created"],
    }


def _renamed(metric: str) -> str:
    return metric.replace("-error-truncated", "-error-capped")


def _with_metric(entry: Data | None) -> Data | None:
    return None if entry is None else entry | {"metric": _renamed(entry["metric"])}


def _method(data: Data) -> Data:
    method = dict(data["method"])
    distribution, _, version = method["plugin"].rpartition(" ")
    external = method["plugin"] == "answered elsewhere"
    plugin = {"distribution": distribution, "version": version, "files_sha256": ""}
    return {
        **{key: value for key, value in method.items() if key != "trained_on"},
        "version": 1,
        "additions": [],
        "plugin": plugin | ({"distribution": EXTERNAL, "version": ""} if external else {}),
        "training": _training(data, method["trained_on"]),
        "parts": [],
        "curve": [_natural_sign(row) for row in method.get("curve", [])],
    }


def _training(data: Data, trained_on: str) -> list[Data]:
    found = _TRAINED_ON.fullmatch(trained_on)
    if found is None:
        return []
    entry = {"data": found["data"], "scale": found["scale"], "seed": data["seeds"][0], "key": ""}
    # Before version 3 a method was trained on the data set that it was scored on.
    own = {key: data["dataset"][key] for key in ("name", "params")}
    return [{**entry, **own, "additions": []}]


def _natural_sign(row: Data) -> Data:
    # Values of metrics for which higher is better were stored with the opposite sign.
    value = row.get("validation")
    return row | {"validation": abs(value)} if value is not None else row


def _dataset(dataset: Data) -> Data:
    kept = {key: value for key, value in dataset.items() if key != "manifest_sha256"}
    return kept | {
        "additions": [],
        "scenes_sha256": dataset["manifest_sha256"],
        "clusters": {},
        "primary_metric": _renamed(dataset["primary_metric"]),
    }


def _cost(data: Data) -> Data:
    threads = data["environment"].get("threads", "")
    cost: Data = data["cost"]
    return cost | {
        # It was that of the whole process, with whatever had run in it before.
        "peak_ram_mb": None,
        "cpu": "",
        "threads": int(threads) if threads.isdecimal() else None,
        "isolated": False,
    }
