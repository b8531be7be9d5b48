import sys
import textwrap
from importlib.metadata import EntryPoint

import pytest

from sslbench.errors import BrokenPluginError, DuplicateNameError, PluginError, UnknownNameError
from sslbench.registry import KINDS, Registry, load_class, load_target, nearest
from sslbench.specs import AlterationSpec, DatasetSpec, MethodSpec

METHOD = """
from sslbench.specs import MethodSpec
from sslbench.hookspecs import hookimpl

@hookimpl
def sslbench_methods():
    return [MethodSpec(name="{name}", target="{target}", summary="", outputs=("position",),
                       licence="MIT")]
"""

OBSERVER = """
@hookimpl
def sslbench_provenance():
    return dict(spy="yes")
"""

LOCATE = """
from sslbench.hookspecs import hookimpl

@hookimpl
def sslbench_locate_data(dataset):
    raise OSError("no disk")
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Write a plugin module and return its entry point."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(module, text=METHOD, name="mine", target="a.b:C"):
        source = textwrap.dedent(text).format(name=name, target=target)
        (tmp_path / f"{module}.py").write_text(source)
        monkeypatch.delitem(sys.modules, module, raising=False)
        return EntryPoint(name=module, value=module, group="sslbench")

    return write


def test_a_method_is_found_by_name(plugin):
    registry = Registry([plugin("plug_good")])
    assert registry.find(MethodSpec, "mine").spec.target == "a.b:C"
    assert registry.find(MethodSpec, "mine").plugin == "plug_good"


def test_an_unknown_name_is_reported_with_the_nearest(plugin):
    registry = Registry([plugin("plug_near", name="srp-phat")])
    with pytest.raises(UnknownNameError, match="perhaps srp-phat"):
        registry.find(MethodSpec, "srp-fat")


def test_a_plugin_that_fails_to_import_does_not_stop_the_rest(plugin):
    registry = Registry([plugin("plug_bad", "raise RuntimeError('no luck')"), plugin("plug_ok")])
    assert "mine" in registry.table(MethodSpec)
    assert registry.broken[0].error == "RuntimeError: no luck"


def test_a_name_only_a_broken_plugin_can_have_is_a_plugin_error(plugin):
    registry = Registry([plugin("plug_broken", "import nothing_of_this_name")])
    with pytest.raises(PluginError, match="nothing_of_this_name") as caught:
        registry.find(MethodSpec, "mine")
    assert caught.value.exit_code == 3


def test_strict_mode_makes_a_broken_plugin_fatal(plugin):
    with pytest.raises(BrokenPluginError, match="plug_strict"):
        Registry([plugin("plug_strict", "1/0")], strict=True)


def test_one_name_from_two_plugins_names_both(plugin):
    with pytest.raises(DuplicateNameError, match=r"plug_a\).*plug_b\)"):
        Registry([plugin("plug_a"), plugin("plug_b")])


@pytest.mark.parametrize(
    ("name", "target", "fault"),
    [
        ("Bad Name", "a:B", "'Bad Name' is not a valid name"),
        ("good", "no_colon", "target 'no_colon'"),
    ],
)
def test_a_spec_that_breaks_its_contract_is_reported(plugin, name, target, fault):
    assert fault in Registry([plugin("plug_spec", name=name, target=target)]).broken[0].error


def test_a_plugin_that_breaks_halfway_leaves_no_name_behind(plugin):
    text = METHOD + "\n@hookimpl\ndef sslbench_datasets():\n    raise ValueError('later')\n"
    assert Registry([plugin("plug_half", text)]).table(MethodSpec) == {}


def test_a_misspelt_hook_is_reported(plugin):
    text = METHOD + "\n@hookimpl\ndef sslbench_metods():\n    return []\n"
    registry = Registry([plugin("plug_a_typo", text), plugin("plug_b_good", name="other")])
    assert "sslbench_metods" in registry.broken[0].error
    assert [report.name for report in registry.broken] == ["plug_a_typo"]
    assert list(registry.table(MethodSpec)) == ["other"]


def test_a_broken_plugin_observes_nothing(plugin):
    text = METHOD.replace("name=", "nam=") + OBSERVER
    registry = Registry([plugin("plug_spy", text)])
    assert registry.broken
    assert registry.manager.hook.sslbench_provenance() == []


def test_a_plugin_that_exits_when_imported_is_reported(plugin):
    assert "SystemExit" in Registry([plugin("plug_exit", "raise SystemExit(7)")]).broken[0].error


def test_a_hook_that_raises_is_reported_and_left_out(plugin, capsys):
    registry = Registry([plugin("plug_locate", LOCATE), plugin("plug_other")])
    assert registry.locate_data("anything") is None
    assert "raised in sslbench_locate_data: OSError: no disk" in capsys.readouterr().err


def test_importing_torch_when_listed_is_a_warning(plugin, monkeypatch, tmp_path):
    (tmp_path / "torch.py").write_text("")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    try:
        report = Registry([plugin("plug_heavy", "import torch\n" + METHOD)]).reports[0]
    finally:
        sys.modules.pop("torch", None)
    assert "imports torch when it is listed" in report.warnings[0]


def test_a_target_that_cannot_be_imported_says_who_offers_it():
    with pytest.raises(BrokenPluginError, match=r"mine of somebody: no\.such\.module"):
        load_target("no.such.module:Class", "mine of somebody")


def test_nearest_lists_all_names_when_none_is_near():
    assert nearest("xyz", ["bravo", "alpha"]) == "one of alpha, bravo"


def test_nearest_shows_a_dozen_names_of_many():
    found = nearest("xyz", [f"name-{number:02d}" for number in range(20)])
    assert found.endswith("name-11, and 8 more")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_kind_has_a_hook_and_a_table(kind):
    registry = Registry([])
    assert kind.hook in {
        name for name in vars(registry.manager.hook) if name.startswith("sslbench")
    }
    assert registry.table(kind.spec) == {}
    with pytest.raises(UnknownNameError, match=f"no {kind.noun} is named 'x'"):
        registry.find(kind.spec, "x")


def test_the_same_name_may_stand_for_things_of_two_kinds(registry):
    assert registry.find(DatasetSpec, "noise").spec != registry.find(AlterationSpec, "noise").spec


def test_a_spec_of_another_kind_breaks_a_plugin(plugin):
    text = METHOD.replace("sslbench_methods", "sslbench_trackers")
    (report,) = Registry([plugin("plug_kind", text)]).broken
    assert "sslbench_trackers returns MethodSpec" in report.error


def test_offers_are_listed_by_kind(registry):
    report = next(report for report in registry.reports if report.name == "world")
    assert set(report.offers) == {"methods", "datasets", "alterations", "trackers", "executors"}


def test_a_class_is_constructed_and_checked():
    assert load_class("fractions:Fraction", object, "a test", 1, denominator=2) == 0.5
    with pytest.raises(BrokenPluginError, match="a test: fractions:Fraction is not a dict"):
        load_class("fractions:Fraction", dict, "a test")
