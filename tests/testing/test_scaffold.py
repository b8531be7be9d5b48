"""The templates of a new plugin."""

import pytest

from sslbench.errors import UsageError
from sslbench.testing import check_method
from sslbench.testing.scaffold import write_plugin


@pytest.mark.parametrize("name", ["1x", "2-mics", "a.b", "Big", "", "a b", "none", "tracks"])
def test_a_name_without_a_usable_class_name_is_an_error(tmp_path, name):
    with pytest.raises(UsageError, match=f"'{name}' (is not a valid name|gives the class name)"):
        write_plugin(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_an_error(tmp_path):
    write_plugin("twice", tmp_path)
    with pytest.raises(UsageError, match="sslbench-twice exists already"):
        write_plugin("twice", tmp_path)


def test_a_new_plugin_fulfils_the_contract(tmp_path, monkeypatch):
    folder = write_plugin("my-first", tmp_path)
    monkeypatch.syspath_prepend(folder)
    from sslbench_my_first import sslbench_methods

    assert check_method(sslbench_methods()[0]) == []
