"""What every loss is: its target, its raw predictions, and the link to what it predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sklstm.components.component import Component


class TargetError(ValueError):
    """An error of one row of y; who has X says which time step that is."""

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = int(row)


@dataclass(repr=False)
class Loss(Component):
    """Base of the losses; a raw prediction has the shape (n_rows, n_outputs * n_columns)."""

    kind: ClassVar[int]  # of the kernel
    target_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)  # of what it can learn
    range_is_open: ClassVar[bool] = False  # whether the lower end is out of range
    instead: ClassVar[str] = "Choose another loss, or transform y."

    @property
    def n_columns(self) -> int:
        """Raw predictions for each output of y."""
        return 1

    @property
    def kernel_parameters(self) -> tuple[float, ...]:
        """What the kernel takes beside raw prediction and target."""
        return (0.0,)

    @property
    def initial_raw(self) -> tuple[float, ...]:
        """The raw predictions (n_columns,) from which training starts."""
        return (0.0,) * self.n_columns

    def check_target(self, target: NDArray) -> None:
        """Refuse a target (n_rows, n_outputs) out of range; NaN stands for no target."""
        low, high = self.target_range
        outside = (target < low) | (target > high) | (self.range_is_open & (target == low))
        if outside.any():
            row, output = np.argwhere(outside)[0]
            wanted = f"from {low:g} to {high:g}"
            if high == math.inf:
                wanted = f"above {low:g}" if self.range_is_open else f"of at least {low:g}"
            raise TargetError(
                f"{type(self).__name__} needs targets {wanted}: y is "
                f"{target[row, output]:g} in row {row}, output {output}. {self.instead}",
                row,
            )

    def mean(self, raws: NDArray) -> NDArray[np.float64]:
        """Return the raw prediction of an ensemble from those of its members, along axis 0.

        It stands for the mean of what the members predict: of values, or of probabilities.
        """
        return np.asarray(raws.mean(axis=0, dtype=np.float64))

    def through_mean(self, raws: NDArray, slope: NDArray) -> NDArray[np.float64]:
        """Return the gradients by the members' raw predictions (n_members, n_rows, n_outputs).

        slope (n_rows, n_outputs): gradient by the raw prediction of the ensemble, see `mean`
        """
        return np.broadcast_to(slope / len(raws), raws.shape)


class RegressionLoss(Loss):
    """Base of the losses of numbers; their raw prediction is the predicted value itself."""

    link: ClassVar[Literal["identity", "log", "logit"]] = "identity"  # scikit-learn's name

    @property
    def head(self) -> tuple[Any, ...]:
        """What the raw predictions mean: the same for losses that one network can be trained by."""
        return self.link, self.n_columns, type(self) if self.n_columns > 1 else None

    @property
    def is_linear(self) -> bool:
        """Whether the predicted values are raw predictions, always the same ones."""
        return self.link == "identity"

    def values(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the predicted values (n_rows, n_outputs)."""
        return raw

    def columns(self, raw: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return which columns of raw the predicted values come from, (n_rows, n_outputs)."""
        return np.broadcast_to(np.arange(raw.shape[1]), raw.shape)

    def slopes(self, raw: NDArray[np.float64], output: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the gradient of predicted values by raw, of its shape.

        output (n_rows,): which of the values of each row
        """
        place = np.arange(len(raw)), output
        own = np.zeros(raw.shape)
        own[place[0], self.columns(raw)[place]] = (
            self.values(raw)[place] if self.link == "log" else 1.0
        )
        return own

    def spread(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what errors of the values are in proportion to, (n_rows, n_outputs)."""
        return np.ones(raw.shape)

    def band(self, raw: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return between what an interval lies before it is widened, each (n_rows, n_outputs)."""
        values = self.values(raw)
        return values, values


def log_mean(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the mean along axis 0 of what these are the logarithms of."""
    highest = logarithms.max(axis=0)
    return np.asarray(highest + np.log(np.exp(logarithms - highest).mean(axis=0)))
