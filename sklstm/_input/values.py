"""Whether values can be computed with: those that go in, and the predictions that come out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._input.places import PlacedError
from sklstm._input.sequences import LARGEST, SequenceDataset

# Values looked at in one go: few enough for BLAS to stay in one thread, and for a memory-mapped
# array to be read piece by piece.
_BLOCK_VALUES = 10_000
# Standard deviations from the training data beyond which a value is to blame for a prediction
# that is not finite; below, the parameters are.
_FAR = 1e6


def check_values(data: SequenceDataset, largest: float = LARGEST, missing: str = "error") -> None:
    """Refuse NaN, infinity and values beyond `largest`, and say where the first one stands.

    Rows behind the end of a sequence are padding. Unless missing="error" NaN is a gap.
    """
    values = data.values
    if values.dtype.kind != "f":
        return
    n_rows, n_channels = max(1, _BLOCK_VALUES // data.n_channels), data.n_channels
    flat, limit = values.reshape(-1), largest**2
    by_place = None
    with np.errstate(over="ignore", invalid="ignore"):
        if flat.size > _BLOCK_VALUES:  # all blocks by one call; which of them, only if need be
            n_whole = flat.size // _BLOCK_VALUES * _BLOCK_VALUES
            blocks, rest = flat[:n_whole].reshape(-1, _BLOCK_VALUES), flat[n_whole:]
            if (np.vecdot(blocks, blocks) < limit).all() and float(rest.dot(rest)) < limit:
                return
        for first in range(0, len(values), n_rows):
            block = flat[first * n_channels : (first + n_rows) * n_channels]
            # one pass without temporary arrays; float32 may overflow here without being wrong
            if float(block.dot(block)) < limit:
                continue
            readable = np.abs(values[first : first + n_rows], dtype=np.float64) <= largest
            if missing != "error":
                readable |= np.isnan(values[first : first + n_rows])
            rows = np.nonzero(~readable.all(axis=1))[0] + first
            if by_place is None:
                by_place = np.argsort(data.begin, kind="stable")
            samples = by_place[np.searchsorted(data.begin[by_place], rows, side="right") - 1]
            inside = (rows >= data.begin[samples]) & (rows < data.end[samples])  # or padding
            if inside.any():
                row = int(rows[inside][0])
                channel = int(np.argmin(readable[row - first]))
                _refuse(data, int(samples[inside][0]), row, channel, largest)


def _refuse(data: SequenceDataset, sample: int, row: int, channel: int, largest: float) -> None:
    """Raise the error for one value of X."""
    value, step = float(data.values[row, channel]), row - int(data.begin[sample])
    place = f"sample {sample}, time step {step}, channel {channel}"
    if math.isfinite(value):
        message = (
            f"Input X contains {value:.6g}: {place}. Values beyond {largest:.3g} are too large "
            "to compute with. Divide the channel by a constant; if the value marks a missing one, "
            "put NaN in its place and set missing='mask', or fill the gap."
        )
    elif math.isinf(value):
        message = (
            f"Input X contains infinity: {place}. Correct the value; if it marks a missing one, "
            "put NaN in its place and set missing='mask', or fill the gap."
        )
    else:
        message = (
            f"Input X contains NaN: {place}. Only steps at "
            "the end of a sequence may be NaN, in all channels: they are padding. If it is a gap, "
            "set missing='mask', or fill it before, for instance by interpolation."
        )
    raise PlacedError(message, sample, step, channel)


def check_unscaled_values(data: SequenceDataset, dtype: DTypeLike, missing: str = "error") -> None:
    """Refuse values that are finite in X but not in the dtype of the network."""
    largest = float(np.finfo(dtype).max)
    if largest < LARGEST and data.values.dtype.itemsize > np.dtype(dtype).itemsize:
        check_values(data, largest, missing)


def check_predictions(
    raw: NDArray,
    data: SequenceDataset,
    center: NDArray[np.float64],
    deviation: NDArray[np.float64],
    n_rows: NDArray[np.int64] | None = None,
) -> None:
    """Refuse predictions that are not finite; the error names a sample and, if it can, the value.

    raw (n_rows, n_outputs): what the network says, a row for each sample, or `n_rows`
    (n_samples,) rows for each
    center, deviation (n_channels,): of the training data
    """
    if np.isfinite(raw).all():
        return
    samples = _samples_not_finite(raw, n_rows)
    refuse_far_value(data, samples, center, deviation)
    raise ValueError(
        f"The prediction for sample {samples[0]} of X is not finite ({len(samples)} of "
        f"{data.n_samples} samples), and its values are like those of the training data: the "
        "parameters of the network are out of range. Fit again with a lower learning_rate_init or "
        "with clip_norm."
    )


def refuse_far_value(
    data: SequenceDataset,
    samples: NDArray[np.int64],
    center: NDArray[np.float64],
    deviation: NDArray[np.float64],
    name: str = "X",
) -> None:
    """Refuse samples (n,) without a finite prediction if they hold values far from the training."""
    for sample in samples:
        values = data.values[data.begin[sample] : data.end[sample]].astype(np.float64)
        distance = np.nan_to_num(np.abs((values - center) / deviation))  # (n_timesteps, n_channels)
        step, channel = np.unravel_index(int(distance.argmax()), distance.shape)
        if distance[step, channel] > _FAR:
            raise ValueError(
                f"There is no finite prediction for sample {sample} of {name}: at time step "
                f"{step}, channel {channel} it has the value {values[step, channel]:.6g}, which is "
                f"{distance[step, channel]:.2g} standard deviations from the mean of the training "
                "data. Correct the value, or leave the sample out."
            )


def _samples_not_finite(raw: NDArray, n_rows: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Samples (n,) with a prediction that is not finite."""
    rows = np.nonzero(~np.isfinite(raw).all(axis=1))[0]
    if n_rows is None:
        return rows
    return np.unique(np.searchsorted(np.cumsum(n_rows), rows, side="right"))
