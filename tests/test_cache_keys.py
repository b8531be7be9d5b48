import sys
from types import ModuleType

import pytest

from sslbench.cache_keys import digest, source_sha256
from sslbench.errors import BrokenPluginError


def test_a_digest_does_not_depend_on_the_order_of_facts():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_the_source_of_a_plugin_is_all_of_its_package(tmp_path, monkeypatch):
    package = tmp_path / "some_plugin"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "weights.npz").write_bytes(b"1")
    monkeypatch.syspath_prepend(tmp_path)
    before = source_sha256("some_plugin.main:Class")
    (package / "weights.npz").write_bytes(b"2")
    assert source_sha256("some_plugin.main:Class") != before
    assert "some_plugin.main" not in sys.modules


def test_a_package_that_is_gone_has_no_source():
    with pytest.raises(BrokenPluginError, match="no package 'gone_plugin'"):
        source_sha256("gone_plugin.main:Class")


def test_the_source_of_a_script_is_its_file(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    module = ModuleType("__main__")
    module.__spec__, module.__file__ = None, str(script)
    monkeypatch.setitem(sys.modules, "__main__", module)
    script.write_text("1")
    before = source_sha256("__main__:Class")
    script.write_text("2")
    assert source_sha256("__main__:Class") != before
