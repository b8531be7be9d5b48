"""Training and testing on a folder of one's own, made of nine real recordings."""

import json
import shutil

import pytest

SPLITS = ["train"] * 4 + ["validation"] * 3 + ["test"] * 2


@pytest.fixture
def own_folder(real_data, tmp_path):
    source = real_data / "respeaker"
    known = json.loads((source / "ground_truth.json").read_text())
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "array.yaml").write_text(f"microphones: {known['geometry_m']}\n")
    rows = ["file,time_s,source,split,azimuth_deg,elevation_deg"]
    for number, (item, split) in enumerate(zip(known["items"], SPLITS, strict=True)):
        shutil.copy(source / item["wav"], folder / f"{number}.wav")
        for time in range(1, 51):
            rows += [
                f"{number}.wav,{time / 10},{name},{split},{each['azimuth_deg']},"
                f"{each['elevation_deg']}"
                for name, each in enumerate(item["sources"])
            ]
    (folder / "truth.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.real
@pytest.mark.slow
def test_a_network_trains_on_own_recordings_and_is_tested_on_the_others(sslbench, own_folder):
    words = ["run", "-m", "doanet[loss=adpit,n_max=3]", "-d", f"recordings-doa[root={own_folder}]"]
    code, out, err = sslbench(*words, "--json")
    assert code == 0, err
    (record,) = json.loads(out)["records"]
    assert record["dataset"]["recordings"] == 2
    assert record["method"]["training"][0]["name"] == "recordings-doa"


def test_splits_that_are_not_there_are_told(sslbench, tmp_path, array_file):
    folder = tmp_path / "own"
    folder.mkdir()
    shutil.copy(array_file, folder / "array.yaml")
    (folder / "truth.csv").write_text("file,azimuth_deg,elevation_deg\na.wav,1,2\n")
    (folder / "a.wav").write_bytes(b"")
    words = ["datasets", "prepare", f"recordings-doa[root={folder}]"]
    code, _, err = sslbench(*words[:-1], f"{words[-1]}:train")
    assert code == 2
    assert "no recordings of the split train: name other training data" in err
    code, out, err = sslbench(*words, "--all-splits")
    assert code == 0
    assert out.startswith("recordings-doa[")
    assert err.count("left out: ") == 2
