"""Errors in the catalogue, and agreement of the registered data sets with it."""

import subprocess
import sys

import pytest
import yaml

from sslbench.datasets import sslbench_datasets
from sslbench.datasets.catalogue import catalogue, catalogue_path, read_catalogue
from sslbench.errors import FormatError, MissingDataError
from sslbench.registry import load_target


@pytest.fixture
def changed(tmp_path):
    def change(edit):
        data = yaml.safe_load(catalogue_path().read_text(encoding="utf-8"))
        edit(data)
        path = tmp_path / "datasets.yaml"
        path.write_text(yaml.safe_dump(data))
        return path

    return change


def put(name, key, value):
    return lambda data: data[name].__setitem__(key, value)


def file(**changes):
    return {"url": "https://host.org/a.zip", "file": "a.zip", **changes}


def put_files(*files):
    return put("libri-adhoc40", "downloads", [*files])


@pytest.mark.parametrize(
    ("edit", "found", "expected"),
    [
        (put("feng2025-l1", "splits", [3]), "feng2025-l1.splits.0: is 3", "a valid string"),
        (put("luvira-sim", "kind", "place"), "luvira-sim.kind: is 'place'", "'position'"),
        (
            put("luvira-sim", "sumary", "x"),
            "luvira-sim: unknown key 'sumary' (did you mean 'summary'?); allowed: summary, version",
            "",
        ),
        (put("lemoing2019", "primary_metric", "gospa[cutoff"), "metric: is 'gospa[", "pattern"),
        (put("luvira-sim", "max_sources", 0), "max_sources: is 0", "greater than or equal to 1"),
        (
            put("luvira-sim", "default_split", "dev"),
            "luvira-sim.default_split: is 'dev'",
            "one of train, validation",
        ),
        (put("respeaker-multi-ssl", "where", None), "ssl.where: is missing", "the origin of data"),
        (put("respeaker-multi-ssl", "twin", "luvira-sim"), "ssl.twin: is 'luv", "of the same kind"),
        (lambda data: data.update({"luvira-sim": None}), "luvira-sim: is empty", "keys and values"),
        (put_files(file(sha=1)), "libri-adhoc40.downloads.0: unknown key 'sha'; allowed: url", ""),
        (put_files(file(), file(bytes="1 GB")), "downloads.1.bytes: is '1 GB'", "integer"),
        (put_files(file(url="ftp://host.org/a")), "downloads.0.url: is 'ftp", "https?"),
        (put_files(file(file="../a.zip")), "downloads.0.file: is '../a.zip'", "pattern"),
        (put_files(file(checksum="12ab")), "downloads.0.checksum: is '12ab'", "sha256"),
        (put_files({"file": "a.zip"}), "downloads.0.url: is missing", "default"),
        (put_files(file(), file()), "downloads: lists one file twice", "once"),
        (put("luvira-sim", "downloads", [file()]), "downloads: is not empty", "simulated"),
        (put("respeaker-multi-ssl", "recordings", {"tiny": 1}), "recordings.tiny", "'smoke'"),
        (
            lambda data: data["luvira-sim"].pop("licence"),
            "luvira-sim.licence: is missing",
            "default",
        ),
        (lambda data: data.update({"Bad Name": {}}), "Bad Name", "pattern"),
    ],
)
def test_an_invalid_entry_is_reported_with_the_path_of_the_key(changed, edit, found, expected):
    path = changed(edit)
    with pytest.raises(FormatError) as caught:
        read_catalogue(path)
    assert caught.value.where == str(path)
    assert found in caught.value.what
    assert expected in caught.value.expected


def test_only_the_first_of_many_faults_are_listed(changed):
    with pytest.raises(FormatError, match=r"splits\.4: is 5 \(and 3 more\)"):
        read_catalogue(changed(put("luvira-sim", "splits", [1, 2, 3, 4, 5, 6, 7])))


def test_invalid_yaml_is_reported_with_its_line(tmp_path):
    (tmp_path / "datasets.yaml").write_text("a:\n  b: [1\n")
    with pytest.raises(FormatError, match="line 3"):
        read_catalogue(tmp_path / "datasets.yaml")


def test_a_missing_catalogue_is_reported_with_its_path(tmp_path):
    with pytest.raises(MissingDataError, match=r"datasets\.yaml: file not found"):
        read_catalogue(tmp_path / "datasets.yaml")


def test_a_renamed_entry_is_reported_with_the_nearest_name(changed, monkeypatch):
    path = changed(lambda data: data.update({"lemoing2018": data.pop("lemoing2019")}))
    monkeypatch.setattr("sslbench.datasets.catalogue.catalogue_path", lambda: path)
    catalogue.cache_clear()
    try:
        with pytest.raises(FormatError) as caught:
            sslbench_datasets()
    finally:
        catalogue.cache_clear()
    first, second = str(caught.value).splitlines()
    assert first == f"{path}: lemoing2019: is missing"
    assert "perhaps lemoing2018" in second


def test_every_entry_is_registered_and_its_class_exists():
    specs = {spec.name: spec for spec in sslbench_datasets()}
    assert set(specs) == set(catalogue())
    for spec in specs.values():
        assert load_target(spec.target, spec.name)


def test_simulated_data_sets_have_the_name_of_their_entry():
    for spec in sslbench_datasets():
        if spec.simulated:
            assert load_target(spec.target, spec.name).name == spec.name


def test_the_primary_metric_fits_the_task():
    names = {spec.kind: set() for spec in sslbench_datasets()}
    for spec in sslbench_datasets():
        names[spec.kind].add(spec.primary_metric)
    assert names == {
        # If the number of sources is unknown, missed detections and false positives must count.
        "position": {"position-error-capped", "gospa[cutoff=1m]"},
        "direction": {"angular-error-capped", "gospa[cutoff=30deg]"},
    }


def test_listing_imports_nothing_heavy():
    heavy = ["torch", "pyroomacoustics", "scipy", "pandas", "matplotlib", "soundfile", "soxr"]
    code = (
        "import sys, sslbench.datasets as d; d.sslbench_datasets();"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
