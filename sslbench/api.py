"""The Python interface: what `import sslbench` offers. See docs/python.md.

Names are imported from here when they are first used, so that `import sslbench` stays fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from sslbench.cell import Cell, CellOutcome, Choice, Training
from sslbench.contracts import Dataset, Incompatible, Method
from sslbench.errors import UsageError
from sslbench.geometry import Box
from sslbench.registry import Registry
from sslbench.results.record import RunRecord, read_record
from sslbench.results.store import Store, default_cache, default_store
from sslbench.running.config import RunConfig, read_config
from sslbench.running.engine import CellRunner
from sslbench.running.executors import run_cells
from sslbench.running.plan import make_plan, training_chain
from sslbench.running.session import Session
from sslbench.running.shipped import shipped_choice, usable_method
from sslbench.scene import Kind, MicArray, Prediction, Recording, Scene, Tracks
from sslbench.scoring.protocols import configure_metrics
from sslbench.scoring.scores import Score
from sslbench.scoring.scores import score as score_pairs
from sslbench.selection import select_datasets, select_methods, select_one
from sslbench.specs import ProtocolSpec, Scale

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Box",
    "Dataset",
    "Method",
    "MicArray",
    "Prediction",
    "Recording",
    "Results",
    "Scene",
    "Score",
    "Tracks",
    "load_dataset",
    "load_method",
    "localize",
    "run",
    "score",
]

Texts = str | Sequence[str]


@dataclass(frozen=True)
class Results:
    """The results of a run.

    Args:
        records: one per method, data set and seed that was scored.
        outcomes: of every pair, with the reason where it was skipped or failed.
    """

    records: tuple[RunRecord, ...]
    outcomes: tuple[CellOutcome, ...]

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per record: what was run, then the value of each metric by name."""
        import pandas as pd

        return pd.DataFrame([_row(record) for record in self.records])

    def board(self) -> str:
        """Return the ranked boards as text."""
        from sslbench.leaderboard.render import terminal_board

        return terminal_board(self.records)


def _row(record: RunRecord) -> dict[str, object]:
    data = record.dataset
    return {
        "method": record.method.label,
        "dataset": data.label,
        "split": data.split,
        "scale": record.scale,
        "seed": record.seed,
        "protocol": record.protocol,
        "trained_on": record.method.trained_on,
        **{entry.name: entry.value for entry in record.metrics},
    }


def run(
    methods: Texts = (),
    datasets: Texts = (),
    *,
    scale: Scale = "smoke",
    store: Path | None = None,
    **options: Any,
) -> Results:
    """Run methods on data sets, as `sslbench run` does.

    Args:
        methods: selections such as ``"srp-phat[grid=0.1]"``; all methods if empty.
        datasets: selections such as ``"luvira-sim:test"``; all simulated data sets if empty.
        scale: size of the run.
        store: folder for results; by default that of the command line.
        options: further options of `sslbench run`: `train_on`, `then_on`, `seed`, `protocol`,
            `jobs`, `device`, `fresh`, `retry_failed`, `fail_fast`, `executor`, `measure_cost`.

    Returns:
        Records and outcomes; what failed is an outcome, not an exception.

    Raises:
        UsageError: if a selection or an option is wrong.
        StoreError: if a result cannot be saved.
    """
    lists: dict[str, tuple[Any, ...]] = {
        key: _texts(options.pop(key, ())) for key in ("train_on", "then_on")
    }
    seeds = options.pop("seed", 0)
    lists["seed"] = (seeds,) if isinstance(seeds, int) else tuple(seeds)
    given = {"method": _texts(methods), "dataset": _texts(datasets), "scale": scale}
    config = read_config({**given, **lists, **options})
    registry = Registry.installed()
    plan = make_plan(registry, config)
    kept = Store(store or default_store())
    runner = CellRunner(kept.root, default_cache())
    outcomes = [*plan.skipped, *run_cells(registry, config, runner, plan.cells)]
    records = [read_record(kept.run(outcome.run_id)) for outcome in outcomes if outcome.run_id]
    return Results(tuple(records), tuple(outcomes))


def _texts(given: Texts) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def score(
    estimate: ArrayLike,
    ground_truth: ArrayLike,
    *,
    kind: Kind = "position",
    protocol: str = "sslbench",
    times: ArrayLike | None = None,
) -> dict[str, Score]:
    """Score estimated positions or directions of one recording.

    Args:
        estimate: shape (frames, 3) for one source or (frames, tracks, 3): metres for positions,
            unit vectors for directions; NaN where nothing is estimated.
        ground_truth: shape (frames, 3) or (frames, sources, 3), NaN where a source is inactive.
        kind: `position` or `direction`.
        protocol: name of the rules, such as `berg2024`.
        times: seconds of the frames, shape (frames,); by default 0, 1, 2, ...

    Returns:
        Scores by the name of the metric, each with `value`, `unit` and `ci95`.

    Raises:
        UsageError: if there is no such protocol, or it cannot compare the kind.
        FormatError: if the shapes do not fit each other.
    """
    registry = Registry.installed()
    found = configure_metrics(registry, protocol, kind)
    metrics = [metric for metric in found if metric.spec.subject == "sources"]
    pair = (_tracks(estimate, kind, times), _tracks(ground_truth, kind, times))
    scores = score_pairs([pair], metrics, registry.find(ProtocolSpec, protocol).spec, seed=0)
    return {each.name: each for each in scores}


def _tracks(xyz: ArrayLike, kind: Kind, times: ArrayLike | None) -> Tracks:
    points = np.asarray(xyz, dtype=float)
    if points.ndim == 2:
        points = points[:, None]
    return Tracks.of(np.arange(len(points)) if times is None else times, points, kind)


def load_dataset(text: str, *, scale: Scale = "smoke") -> Dataset:
    """Open one split of a data set.

    Args:
        text: a selection such as ``"luvira-sim[t60=0.2]+mics[n=7]:test"``.
        scale: how much of it.

    Returns:
        Scenes by index: ``len(dataset)``, ``dataset.scene(0)``.

    Raises:
        UsageError: if the text does not select exactly one split.
        DataError: if the data set is not on this machine or cannot be read.
    """
    session = _session()
    choice, split = select_one(select_datasets(session.registry, [text]), text)
    try:
        return session.dataset(choice, split, scale)
    except Incompatible as reason:
        raise UsageError(str(reason)) from reason


def load_method(
    text: str,
    *,
    trained_on: Texts = (),
    scale: Scale = "smoke",
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> Method:
    """Construct a method; a learned one is trained, or found trained in the store.

    Without training data it has the weights that it comes with, if there are any.

    Args:
        text: a selection such as ``"srp-phat[grid=0.1]"``.
        trained_on: data sets, in the order in which training uses them.
        scale: of the training.
        seed: of the training.
        device: where it computes.

    Returns:
        A method whose `locate(recording)` returns a `Prediction`.

    Raises:
        UsageError: if the text does not select exactly one method, without trackers; or it must
            be trained, comes without weights, and `trained_on` is empty; or it needs the ground
            truth.
    """
    session = _session(device)
    choice = select_one(select_methods(session.registry, [text]), text)
    if choice.additions:
        raise UsageError(f"{text!r} has a tracker", expected="a method alone")
    return _ready(session, choice, _training(session, choice, _texts(trained_on), scale, seed))


def _ready(session: Session, choice: Choice, training: Training | None) -> Method:
    spec = session.method_spec(choice)
    learns = spec.learns(choice.params)
    if training is None:
        choice = shipped_choice(spec, choice)
    scale = training.scale if training else "smoke"
    cell = Cell(choice, Choice("python"), "", scale, training=training if learns else None)
    return usable_method(session, cell)


def _training(
    session: Session, method: Choice, texts: Sequence[str], scale: Scale, seed: int
) -> Training | None:
    if not texts:
        return None
    data = [select_one(select_datasets(session.registry, [text]), text)[0] for text in texts]
    return training_chain(method.alone, data, RunConfig(scale=scale), seed)


def localize(
    audio: ArrayLike,
    array: MicArray | ArrayLike,
    *,
    method: str | Method = "srp-phat",
    sample_rate: int = 16000,
    region: Box | None = None,
    times: ArrayLike | None = None,
    frame: float | None = None,
    max_sources: int = 1,
) -> Prediction:
    """Localize the sources in audio.

    Args:
        audio: shape (channels, samples).
        array: the microphones, or their positions in metres, shape (channels, 3).
        method: a selection such as ``"srp-phat"``, or a method from `load_method`.
        sample_rate: in Hz.
        region: where positions can lie; None to estimate directions.
        times: seconds at which estimates are wanted; by default one, in the middle.
        frame: seconds of audio around each time that belong to it; None for all audio.
        max_sources: largest number of sources at once.

    Raises:
        UsageError: if the method cannot process such a recording, or must be trained first.
        FormatError, GeometryError: if shapes or positions are wrong.
    """
    from sslbench.running.inference import check_prediction

    samples = np.asarray(audio, dtype=np.float32)
    recording = Recording(
        id="audio",
        audio=samples,
        sample_rate=sample_rate,
        array=array if isinstance(array, MicArray) else MicArray(np.asarray(array, dtype=float)),
        times=np.array([samples.shape[1] / sample_rate / 2]) if times is None else np.array(times),
        kind="direction" if region is None else "position",
        frame=frame,
        max_sources=max_sources,
        region=region,
    )
    found = method.locate(recording) if isinstance(method, Method) else _located(method, recording)
    check_prediction(recording, found)
    return found


def _located(text: str, recording: Recording) -> Prediction:
    from sslbench.running.localize import check_compatible, with_trackers

    session = _session()
    choice = select_one(select_methods(session.registry, [text]), text)
    check_compatible(session.method_spec(choice), recording)
    found = _ready(session, choice.alone, None).locate(recording)
    return with_trackers(session, choice, found, recording.max_sources)


def _session(device: str = "auto") -> Session:
    return Session(Registry.installed(), Store(default_store()), default_cache(), device)
