"""Methods as tools: trained for it, or with the weights that a plugin comes with."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from sslbench.cell import Cell, Choice, Training
from sslbench.contracts import Incompatible, Method, Trainable, TrainableMethod
from sslbench.errors import BrokenPluginError, UsageError
from sslbench.files import publishing, store_errors
from sslbench.registry import load_class
from sslbench.results.stages import CHECKPOINT, TrainedStage
from sslbench.running.keys import part_key, part_params, training_key
from sslbench.running.session import Session
from sslbench.running.training import ready_method, train_part
from sslbench.selection import choose
from sslbench.specs import MethodSpec, Part, Shipped, Value

__all__ = ["origin", "ready_shipped", "ship", "shipped_choice", "usable_method"]


def shipped_choice(spec: MethodSpec, choice: Choice) -> Choice:
    """Return a method with the parameters of its shipped weights, where it has the defaults.

    A method that does not learn is returned as it is.

    Raises:
        UsageError: if no weights are shipped for these parameters.
    """
    if not spec.learns(choice.params):
        return choice
    params = dict(choice.params)
    if spec.shipped:
        params |= {k: v for k, v in spec.shipped.params.items() if k not in choice.changed}
    if not _has_weights(spec, params):
        raise UsageError(
            f"{choice} must be trained first",
            hint="name the training data by --trained-on (in Python trained_on);"
            " `sslbench datasets list` has them" + _instead(spec),
        )
    return replace(choose(spec, params), additions=choice.additions)


def _has_weights(spec: MethodSpec, params: Mapping[str, Value]) -> bool:
    """Whether everything that is trained with these parameters is shipped."""
    needed = [(part.shipped, part.parameters) for part in spec.needed_parts(params)]
    if spec.trainable:
        needed.append((spec.shipped, tuple(p.name for p in spec.parameters if p.training)))
    return all(_fits(shipped, spec, params, names) for shipped, names in needed)


def _fits(
    shipped: Shipped | None, spec: MethodSpec, params: Mapping[str, Value], names: Iterable[str]
) -> bool:
    """Whether weights are of a training with these values of some parameters."""
    if shipped is None:
        return False
    trained = {each.name: each.default for each in spec.parameters} | dict(shipped.params)
    return all(params[name] == trained[name] for name in names)


def _instead(spec: MethodSpec) -> str:
    if spec.shipped is None:
        return ""
    return f"; it comes with weights for {choose(spec, spec.shipped.params)}"


def ready_shipped(spec: MethodSpec, choice: Choice, device: str = "auto") -> Method:
    """Return a method with its shipped weights.

    Args:
        spec: of the method.
        choice: from `shipped_choice`.
        device: where it computes: `auto`, `cpu` or `cuda`.

    Raises:
        BrokenPluginError: if the plugin has no such folder, or a class cannot be imported.
        FormatError: if the weights are damaged, or of another version or other parameters.
    """
    method = load_class(spec.target, Method, spec.name, **choice.params)
    method.parts = {
        part.name: _loaded_part(choice, part, device) for part in spec.needed_parts(choice.params)
    }
    if isinstance(method, TrainableMethod):
        method.device = device
        method.load(_folder(spec.shipped) / CHECKPOINT)
    return method


def _loaded_part(choice: Choice, part: Part, device: str) -> Trainable:
    loaded = load_class(part.target, Trainable, f"part {part.name}", **part_params(choice, part))
    loaded.device = device
    loaded.load(_folder(part.shipped) / CHECKPOINT)
    return loaded


def origin(spec: MethodSpec, choice: Choice) -> str:
    """Return what the shipped weights of a method, or else of its parts, were trained on.

    Args:
        spec: of the method, which learns.
        choice: from `shipped_choice`.
    """
    if spec.shipped:
        return _stage(spec.shipped).cell
    (part, *_) = spec.needed_parts(choice.params)
    return f"the part {part.name} of {_stage(part.shipped).cell}"


def _stage(shipped: Shipped | None) -> TrainedStage:
    text = (_folder(shipped) / "stage.json").read_text(encoding="utf-8")
    return TrainedStage.model_validate_json(text)


def _folder(shipped: Shipped | None) -> Path:
    assert shipped is not None, "checked by `shipped_choice`"
    package, _, folder = shipped.folder.partition(":")
    found = find_spec(package)
    for place in (found.submodule_search_locations or ()) if found else ():
        if (Path(place) / folder).is_dir():
            return Path(place) / folder
    raise BrokenPluginError(f"there is no folder {shipped.folder} of shipped weights")


def usable_method(session: Session, cell: Cell) -> Method:
    """Return the method of a cell, trained for it or with the weights that it comes with.

    Args:
        session: of the process.
        cell: without a training, its method is from `shipped_choice`.

    Raises:
        UsageError: if it needs the ground truth, or cannot learn from the training data.
        CellError: if training fails.
        FormatError: if shipped weights are damaged.
    """
    spec = session.method_spec(cell.method)
    if spec.learns(cell.method.params) and cell.training is None:
        return ready_shipped(spec, cell.method, session.device)
    try:
        method = ready_method(session, cell, lambda _: None)
    except Incompatible as reason:
        raise UsageError(str(reason)) from reason
    if not isinstance(method, Method):
        raise UsageError(f"{spec.name} needs the ground truth, which a recording does not have")
    return method


def ship(
    session: Session, training: Training, into: Path, parts: Collection[str] = ()
) -> list[Path]:
    """Copy a finished training, and those of its parts, for a plugin to come with.

    What is not in the store is trained first. Weights are written in half precision.

    Args:
        session: of the process.
        training: of the method.
        into: folder that receives one folder for the method, if it learns, and one for each part.
        parts: names of parts to copy alone, without the method.

    Returns:
        These folders.

    Raises:
        UsageError: if the method cannot learn from the training data, or needs no such part.
        CellError: if the training fails.
        StoreError: if a folder cannot be written.
    """
    spec = session.method_spec(training.method)
    needed = {part.name: part for part in spec.needed_parts(training.method.params)}
    for name in parts:
        if name not in needed:
            raise UsageError(
                f"{training.method} needs no part {name!r}",
                expected="one of " + ", ".join(needed) if needed else "a method with parts",
            )
    keys = {}
    if parts:
        for name in parts:
            train_part(session, training, needed[name], lambda _: None)
    else:
        usable_method(session, Cell(training.method, training.data, "", "smoke", training=training))
        if spec.trainable:
            keys[spec.name] = training_key(session, training)
    keys |= {name: part_key(session, training, needed[name]) for name in parts or needed}
    return [_copied(session.store.folder("train", key), into / name) for name, key in keys.items()]


def _copied(stage: Path, folder: Path) -> Path:
    from sslbench.training.weights import halve  # imports torch

    hint = "name another folder"
    with store_errors(folder, hint=hint):
        folder.parent.mkdir(parents=True, exist_ok=True)
    with publishing(folder, hint=hint) as temporary:
        shutil.copytree(stage, temporary, dirs_exist_ok=True)
        halve(temporary / CHECKPOINT)
    return folder
