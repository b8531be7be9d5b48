import json


def test_methods_are_listed_and_one_is_shown_with_its_parameters(sslbench):
    assert "multilateration" in sslbench("methods")[1]
    shown = sslbench("methods", "srp-phat")[1]
    assert "parameter" in shown
    assert "grid" in shown


def test_lists_are_given_as_json(sslbench):
    for words in (["methods"], ["datasets", "list"], ["plugins", "list"]):
        code, out, _ = sslbench(*words, "--json")
        assert code == 0
        assert json.loads(out)


def test_data_sets_say_whether_they_are_here(sslbench, tmp_path):
    assert "not here" in sslbench("datasets", "list")[1]
    (tmp_path / "data" / "recordings").mkdir(parents=True)
    assert sslbench("datasets", "path", "recordings")[1].strip().endswith("data/recordings")


def test_a_data_set_is_prepared_and_checked(sslbench):
    assert "200 recordings are ready" in sslbench("datasets", "prepare", "feng2025-l1")[1]
    code, out, _ = sslbench("datasets", "check", "feng2025-l1")
    assert code == 0
    assert "consistent" in out


def test_plugins_are_listed_with_what_they_offer(sslbench):
    assert "methods" in sslbench("plugins", "list")[1]


def test_info_names_versions_and_folders(sslbench, tmp_path):
    facts = json.loads(sslbench("info", "--json")[1])
    assert facts["store"] == str(tmp_path / "store")
    assert facts["numpy"]
