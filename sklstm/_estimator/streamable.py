"""Which networks can read a stream, and the sentence that says why another one cannot."""

from __future__ import annotations

from typing import Any

from sklstm._network.spec import NetworkSpec


def check_streamable(estimator: Any, spec: NetworkSpec) -> None:
    """Raise an error if the network reads more of a sequence than a stream has."""
    scale = estimator._architecture["scale"]
    if len(estimator.static_channels_):
        raise ValueError(
            "static_features are read once for each sequence, a stream has one step at a time: "
            "fit without static_features, with the channel as any other."
        )
    if estimator._architecture["time_gaps"]:
        raise ValueError(
            "time_gaps=True reads the times of X, which the steps of a stream do not have: fit "
            "with time_gaps=False, and pass the time since the step before as a channel."
        )
    if spec.bidirectional:
        raise ValueError(
            "A bidirectional network reads every sequence from its end, which a stream has "
            "not seen: fit with bidirectional=False."
        )
    if scale in ("both", "sequence") and len(estimator._numbers):
        raise ValueError(
            f"scale={scale!r} standardises by the whole sequence, which a stream "
            "has not seen: fit with scale='channel' or scale=None."
        )
    if estimator.patch_size_ != 1:
        raise ValueError(
            f"The network reads patches of {estimator.patch_size_} steps, a stream has one at a "
            "time: fit with patch_size=1."
        )
    if spec.front or spec.branch:
        raise ValueError(
            "Convolutions read several steps at a time, a stream has one: fit with "
            "front=None and branch=None."
        )
    if spec.encoder is not None:
        raise ValueError(
            "Self-attention reads all steps of a sequence again at each step, a stream keeps "
            "none of them: fit with attention=None."
        )
