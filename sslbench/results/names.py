"""Readable names of runs and of their files: what was run, and what differs from the defaults."""

from __future__ import annotations

import re

from sslbench.results.record import RunRecord
from sslbench.scoring.protocol_definitions import DEFAULT_PROTOCOL

__all__ = ["file_stem", "method_folder", "record_path", "run_name", "slug"]


def slug(label: str) -> str:
    """Return a label with characters that every file system and shell accepts.

    >>> slug("srp-phat[grid=0.1,angle=5]+nearest")
    'srp-phat,grid=0.1,angle=5+nearest'
    """
    text = label.replace("[", ",").replace("]", "").replace(" ", "")
    return re.sub(r"[^A-Za-z0-9.,=+_-]", "-", text).strip("-.")


def run_name(record: RunRecord) -> str:
    """Return the name of a run in a store: method, data set, split, scale, seed, and the rest."""
    words = [slug(record.method.label), slug(record.dataset.label), _size(record), *_rest(record)]
    return "--".join(words)


def file_stem(record: RunRecord) -> str:
    """Return the name of a committed record in the folder of its data set and method."""
    differs = [_parameters(record.method.label), _parameters(record.dataset.label), *_rest(record)]
    return "-".join([*filter(None, differs), _size(record)])


def method_folder(record: RunRecord) -> str:
    """Return the folder of a committed record: the method with the names of its trackers."""
    return "+".join([record.method.name, *(each.name for each in record.method.additions)])


def record_path(record: RunRecord) -> str:
    """Return the path of a committed record below the folder of the boards."""
    data, stem = record.dataset, record.predictions.path.removesuffix(".npz")
    return f"results/{data.name}/{data.version}/{method_folder(record)}/{stem}.json"


def _size(record: RunRecord) -> str:
    return f"{record.dataset.split}-{record.scale}-s{record.seed}"


def _rest(record: RunRecord) -> list[str]:
    rest = [] if record.protocol == DEFAULT_PROTOCOL else [record.protocol]
    trained = [each.data for each in record.method.training]
    if trained and trained != [record.dataset.label]:
        rest.append("on-" + "-then-".join(map(slug, trained)))
    return rest


def _parameters(label: str) -> str:
    """Return what follows the name in a label, as a slug.

    `srp-phat[grid=0.1]` gives `grid=0.1`, `luvira[hop=512]+mics[n=7]` gives `hop=512+mics,n=7`.
    """
    name = re.match(r"[^\[+]+", label)
    return slug(label[name.end() if name else 0 :]).strip(",+")
