"""A record of answers that were made elsewhere: by other software, in any language."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sslbench.cell import Cell, Choice
from sslbench.contracts import Scale
from sslbench.errors import UsageError
from sslbench.registry import NAME
from sslbench.results.answer_file import read_answers
from sslbench.results.predictions import dump_predictions, load_predictions
from sslbench.results.record import (
    ELSEWHERE,
    SCHEMA_VERSION,
    CostEntry,
    MethodEntry,
    PredictionsEntry,
    RunRecord,
)
from sslbench.running.environment import source
from sslbench.running.ground_truth import conditions_of, scenes_of, truths_of
from sslbench.running.inference import check_answer
from sslbench.running.record_builder import dataset_entry, run_id, score_cell
from sslbench.running.stages import Workbench

__all__ = ["Submission", "record_of_answers"]


@dataclass(frozen=True)
class Submission:
    """Answers in a file, and what they answer.

    Args:
        path: of the file (`sslbench.results.answer_file` reads it).
        method: a name for what answered, of no installed method.
        dataset: whose recordings were answered.
        split: which of them.
        scale: how many of them.
        protocol: by which they are scored.
    """

    path: Path
    method: str
    dataset: Choice
    split: str
    scale: Scale
    protocol: str


def record_of_answers(bench: Workbench, submission: Submission) -> RunRecord:
    """Score answers from a file and put a record of them into the store.

    The record says that they were made elsewhere: code, costs and training data are unknown.

    Raises:
        UsageError: if the name of the method cannot serve.
        FormatError: if the file is damaged or answers something else.
        CellError: if an answer claims more sources than there can be.
        DataError: if the truth cannot be read.
    """
    _check_name(bench, submission.method)
    cell = _cell(submission)
    truths = truths_of(bench, cell)
    given = read_answers(submission.path, truths)
    for scene in scenes_of(bench, cell):
        check_answer(scene.recording, given[scene.recording.id])
    answers = dump_predictions(given)
    sha256 = hashlib.sha256(answers).hexdigest()
    name = run_id(bench.registry, cell, sha256)
    # Scored as they will be read again: in single precision.
    predictions = load_predictions(io.BytesIO(answers))
    numbers = score_cell(bench, cell, predictions, truths, conditions_of(bench, cell))
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        run_id=name,
        status="ok",
        reason="",
        scale=cell.scale,
        seeds=[0],
        command=_command(submission),
        method=_method(submission),
        dataset=dataset_entry(bench, cell, numbers.primary, len(truths)),
        metrics=numbers.metrics,
        strata=numbers.strata,
        resampled=numbers.resampled,
        published=[],
        predictions=PredictionsEntry(path="predictions.npz", sha256=sha256),
        cost=CostEntry(**dict.fromkeys(CostEntry.model_fields)),
        environment={},
        source=source(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    bench.store.put_run(name, record.to_json(), answers)
    return record


def _cell(submission: Submission) -> Cell:
    return Cell(
        Choice(submission.method),
        submission.dataset,
        submission.split,
        submission.scale,
        0,
        submission.protocol,
    )


def _check_name(bench: Workbench, name: str) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name", expected="lower-case words joined by hyphens")
    if name in bench.registry.methods:
        raise UsageError(
            f"{name} is an installed method", expected="another name for answers made elsewhere"
        )


def _method(submission: Submission) -> MethodEntry:
    return MethodEntry(
        name=submission.method,
        params={},
        plugin=ELSEWHERE,
        source_sha256="",
        parameters=0,
        licence="",
        trained_on="",
        curve=[],
        reference=False,
        label=submission.method,
    )


def _command(submission: Submission) -> str:
    return (
        f"sslbench score {submission.path.name} --dataset '{submission.dataset}:{submission.split}'"
        f" --scale {submission.scale} --method-name {submission.method}"
        + ("" if submission.protocol == "sslbench" else f" --protocol {submission.protocol}")
    )
