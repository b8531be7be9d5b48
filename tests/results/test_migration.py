"""Records of older schemas are read as records of the present one."""

import copy
import json

import pytest

from sslbench.errors import FormatError
from sslbench.results.migration import migrated
from sslbench.results.record import RunRecord, read_record

OLD, NEW = (f"position-error-{word}" for word in ("truncated", "capped"))

ENTRY = {
    "name": OLD,
    "version": 1,
    "protocol": "sslbench",
    "value": 1.5,
    "unit": "m",
    "ci95": [1.0, 2.0],
    "n": 4,
    "n_eff": 3.5,
    "higher_is_better": False,
}

VERSION_2 = {
    "schema_version": 2,
    "run_id": "learner-noise-0123456789",
    "status": "ok",
    "reason": "",
    "scale": "smoke",
    "seeds": [3],
    "command": "sslbench run --method 'learner' --dataset 'noise:test' --scale smoke --seed 3",
    "method": {
        "name": "learner",
        "params": {"width": 8},
        "plugin": "sslbench 0.1.0",
        "source_sha256": "cd" * 32,
        "parameters": 3,
        "licence": "MIT",
        "trained_on": "noise[broken=true]:train (smoke)",
        "curve": [{"epoch": 1.0, "validation": -0.25}, {"epoch": 2.0, "validation": None}],
        "reference": False,
        "label": "learner[width=8]",
    },
    "dataset": {
        "name": "noise",
        "version": "1",
        "params": {"broken": True},
        "split": "test",
        "manifest_sha256": "ab" * 32,
        "recordings": 4,
        "kind": "position",
        "primary_metric": OLD,
        "licence": "CC0-1.0",
        "label": "noise[broken=true]",
    },
    "metrics": [{**ENTRY}, {**ENTRY, "name": "coverage"}],
    "strata": {"snr_db": {"low": [{**ENTRY}]}},
    "resampled": {"metric": OLD, "units": 4, "values": [1.0, None]},
    "published": [{"metric": OLD, "value": 1.25, "source": "Doe 2020"}],
    "predictions": {"path": "predictions.npz", "sha256": "00" * 32},
    "cost": {
        "train_s": 2.0,
        "infer_s": 1.0,
        "real_time_factor": 0.5,
        "peak_ram_mb": 100.0,
        "peak_vram_mb": None,
    },
    "environment": {"threads": "2"},
    "source": {"commit": "0123456789abcdef", "dirty": False},
    "created": "2025-01-01T00:00:00+00:00",
}


def version_1():
    """Return a record without what version 2 added: effective sizes and resamples."""
    data = copy.deepcopy(VERSION_2) | {"schema_version": 1}
    del data["resampled"], data["method"]["curve"]
    for entry in [*data["metrics"], *data["strata"]["snr_db"]["low"]]:
        entry.pop("n_eff", None)
    return data


@pytest.fixture
def read(tmp_path):
    """Write a record and read it."""

    def go(data):
        path = tmp_path / "record.json"
        path.write_text(json.dumps(data))
        return read_record(path)

    return go


def changed(*keys, value):
    """Return a record of version 2 with another value of one key."""
    data = copy.deepcopy(VERSION_2)
    *outer, last = keys
    inner = data
    for key in outer:
        inner = inner[key]
    inner[last] = value
    return data


@pytest.mark.parametrize("data", [version_1(), VERSION_2], ids=["version 1", "version 2"])
def test_an_old_record_is_read(read, data):
    record = read(data)
    assert (record.schema_version, record.seed, record.protocol) == (3, 3, "sslbench")
    assert record.dataset.scenes_sha256 == "ab" * 32
    assert (record.dataset.additions, record.dataset.clusters) == ([], {})
    assert list(record.by_condition) == ["snr_db"]


def test_what_version_1_did_not_have_is_unknown(read):
    record = read(version_1())
    assert record.resampled is None
    assert record.method.curve == []
    assert [entry.n_eff for entry in record.metrics] == [None, None]


def test_resamples_of_version_2_are_kept(read):
    record = read(VERSION_2)
    assert (record.resampled.units, record.resampled.values) == (4, [1.0, None])
    assert [entry.n_eff for entry in record.metrics] == [3.5, 3.5]


def test_the_training_becomes_a_chain(read):
    record = read(VERSION_2)
    (entry,) = record.method.training
    assert (entry.data, entry.name, entry.params) == (
        "noise[broken=true]",
        "noise",
        {"broken": True},
    )
    assert (entry.scale, entry.seed, entry.key) == ("smoke", 3, "")
    assert record.method.trained_on == "noise[broken=true] (smoke)"


def test_a_method_that_did_not_learn_has_no_training(read):
    assert read(changed("method", "trained_on", value="")).method.training == []


def test_the_plugin_is_split_into_name_and_version(read):
    plugin = read(VERSION_2).method.plugin
    assert (plugin.distribution, plugin.version, plugin.files_sha256) == ("sslbench", "0.1.0", "")


def test_external_predictions_stay_external(read):
    assert not read(VERSION_2).external
    assert read(changed("method", "plugin", value="answered elsewhere")).external


def test_validation_values_get_their_natural_sign(read):
    first, second = read(VERSION_2).method.curve
    assert (first["validation"], second["validation"]) == (0.25, None)


def test_memory_of_the_whole_process_is_not_that_of_the_method(read):
    cost = read(VERSION_2).cost
    assert (cost.peak_ram_mb, cost.isolated, cost.threads) == (None, False, 2)
    assert (cost.train_s, cost.infer_s, cost.real_time_factor) == (2.0, 1.0, 0.5)


def test_capped_errors_are_renamed_everywhere():
    data = migrated(copy.deepcopy(VERSION_2), "record.json")
    assert OLD not in json.dumps(data)
    assert [entry["name"] for entry in data["metrics"]] == [NEW, "coverage"]
    assert data["by_condition"]["snr_db"]["low"][0]["name"] == NEW
    assert (data["dataset"]["primary_metric"], data["resampled"]["metric"]) == (NEW, NEW)
    assert data["published"] == [{"metric": NEW, "value": 1.25, "source": "Doe 2020"}]


def test_a_migrated_record_is_not_migrated_again(read):
    record = read(VERSION_2)
    assert read(json.loads(record.to_json())) == record


@pytest.mark.parametrize(
    ("keys", "value"),
    [(("status",), "failed"), (("metrics",), []), (("seeds",), []), (("seeds",), [0, 1])],
)
def test_an_old_record_that_no_finished_run_can_have_is_refused(read, keys, value):
    with pytest.raises(FormatError, match=r"record\.json: a run of status .*\n.*a finished run"):
        read(changed(*keys, value=value))


def test_a_record_of_a_newer_schema_is_refused(read):
    with pytest.raises(FormatError, match="update sslbench to read a newer record"):
        read(VERSION_2 | {"schema_version": 4})


def test_an_old_record_with_an_unknown_key_is_refused(read):
    with pytest.raises(FormatError, match="surprise"):
        read(changed("dataset", "surprise", value=1))


def test_every_key_of_the_present_schema_is_filled():
    data = migrated(copy.deepcopy(VERSION_2), "")
    assert set(data) == set(RunRecord.model_fields)
