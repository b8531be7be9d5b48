"""Whether a method can process a data set, and the reason where it cannot."""

from __future__ import annotations

from sslbench.scene import Recording
from sslbench.specs import DatasetSpec, MethodSpec

__all__ = ["incompatibility", "recording_incompatibility"]


def incompatibility(method: MethodSpec, dataset: DatasetSpec) -> str:
    """Return why a method cannot process a data set, as far as their specs tell; else empty."""
    if dataset.kind not in method.outputs:
        outputs = " and ".join(f"{kind}s" for kind in method.outputs)
        return f"{method.name} estimates {outputs}, {dataset.name} requests {dataset.kind}s"
    if dataset.max_sources is not None:
        return _too_many(method, dataset.max_sources)
    return ""


def recording_incompatibility(method: MethodSpec, recording: Recording) -> str:
    """Return why a method cannot process a recording; empty if it can."""
    array = recording.array
    if array.format not in method.formats:
        return f"{method.name} needs audio of format {' or '.join(method.formats)}"
    if not array.complete and not method.unknown_microphones:
        return f"{method.name} needs known positions of all microphones"
    needed = _channels(method, recording)
    if array.channels < needed:
        return f"{method.name} needs {needed} microphones, there are {array.channels}"
    if not array.complete and len(array.known) < needed:
        return (
            f"{method.name} needs {needed} microphones of known position, there are"
            f" {len(array.known)}"
        )
    return (
        _unknown_height(method, recording)
        or _too_large(method, recording)
        or _too_flat(method, recording)
        or _too_many(method, recording.max_sources)
    )


def _too_large(method: MethodSpec, recording: Recording) -> str:
    aperture, most = recording.array.aperture, method.max_aperture
    if recording.kind != "direction" or most is None or aperture <= most:
        return ""
    return (
        f"{method.name} estimates directions in the far field: the array may span {most:g} m, "
        f"this one spans {aperture:.2f} m"
    )


def _channels(method: MethodSpec, recording: Recording) -> int:
    if recording.kind != "position" or recording.region is None:
        return method.min_channels
    # At a known height a position has one unknown less, and so needs one microphone less.
    return max(method.min_channels, method.min_channels_position - int(recording.region.flat))


def _unknown_height(method: MethodSpec, recording: Recording) -> str:
    if not method.known_height or recording.region is None or recording.region.flat:
        return ""
    return f"{method.name} needs a search region of a single height"


def _too_flat(method: MethodSpec, recording: Recording) -> str:
    if recording.kind != "position" or recording.region is None:
        return ""
    # At a known height a position has one unknown less, and so needs one dimension less.
    needed = method.min_rank_position - int(recording.region.flat)
    if recording.array.rank >= needed:
        return ""
    shape = ("in one point", "on one line", "in one plane")[recording.array.rank]
    return f"{method.name} cannot estimate positions with all microphones {shape}"


def _too_many(method: MethodSpec, sources: int) -> str:
    if method.max_sources is None or sources <= method.max_sources:
        return ""
    plural = "" if method.max_sources == 1 else "s"
    return (
        f"{method.name} finds {method.max_sources} source{plural} at a time, there can be {sources}"
    )
