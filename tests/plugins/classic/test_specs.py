"""The specs of the classical methods."""

import inspect
import subprocess
import sys

import pytest

import sslbench_classic
from sslbench.contracts import Method, Oracle, TrainableMethod
from sslbench.registry import load_target
from sslbench.specs import MethodSpec

SPECS = {spec.name: spec for spec in sslbench_classic.sslbench_methods()}


def test_the_names_are_the_documented_ones() -> None:
    assert set(SPECS) == {
        "room-centre",
        "mean-position",
        "random-position",
        "random-direction",
        "oracle-quantiser",
        "oracle-direction-grid",
        "oracle-delays",
        "srp-phat",
        "intensity-doa",
        "srp-ngcc",
        "multilateration",
        "pra-srp",
        "pra-music",
        "pra-normmusic",
        "pra-cssm",
        "pra-waves",
        "pra-tops",
        "pra-frida",
    }


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_class_has_the_type_that_its_spec_declares(spec: MethodSpec) -> None:
    target = load_target(spec.target, spec.name)
    method = target(**{parameter.name: parameter.default for parameter in spec.parameters})
    assert isinstance(method, Oracle if spec.oracle else Method)
    assert isinstance(method, TrainableMethod) == spec.trainable


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_defaults_agree_with_those_of_the_class(spec: MethodSpec) -> None:
    signature = inspect.signature(load_target(spec.target, spec.name))
    defaults = {name: one.default for name, one in signature.parameters.items()}
    declared = {parameter.name: parameter.default for parameter in spec.parameters}
    assert {name: value for name, value in defaults.items() if name in declared} == declared
    assert set(defaults) - set(declared) <= {"grid", "dimensions"} - set(declared)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_defaults_are_within_bounds(spec: MethodSpec) -> None:
    for parameter in spec.parameters:
        assert parameter.check(parameter.default) == parameter.default


def test_listing_the_methods_imports_no_heavy_package() -> None:
    code = (
        "import sys, sslbench_classic; sslbench_classic.sslbench_methods();"
        "print(sorted({'torch', 'scipy', 'pyroomacoustics', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("delays", "learns"), [("gcc", False), ("ngcc", True)])
def test_multilateration_learns_only_with_delays_of_ngcc(delays, learns) -> None:
    spec = SPECS["multilateration"]
    params = {parameter.name: parameter.default for parameter in spec.parameters}
    assert spec.learns(params | {"delays": delays}) == learns


def test_methods_with_the_same_width_share_the_part() -> None:
    parts = [part for name in ("srp-ngcc", "multilateration") for part in SPECS[name].parts]
    assert {(part.name, part.target, part.parameters) for part in parts} == {
        ("ngcc", "sslbench_ngcc.part:NgccPhat", ("channels",))
    }
