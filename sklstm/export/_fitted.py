"""What an exporter reads of a fitted estimator: its network, its parameters, its scaling."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklstm._classifier import LSTMClassifier
from sklstm._forecaster import LSTMForecaster
from sklstm._input.channel_selection import channel_names
from sklstm._kernels.batch_norm import EPSILON
from sklstm._network.spec import NetworkSpec
from sklstm._regressor import LSTMRegressor
from sklstm.components.convolutions import ConvolutionLayer
from sklstm.components.loss import RegressionLoss
from sklstm.components.survival import Survival

_EXPORTED = (LSTMClassifier, LSTMRegressor)
# share of a deviation by which single precision may move a value without a warning
_COARSE = 0.01


class Parameters(Mapping[str, NDArray[np.float64]]):
    """The parameters by name; it notes which of them an exporter has read."""

    def __init__(self, arrays: Mapping[str, NDArray]) -> None:
        self._arrays = arrays
        # the count of minibatches is for training alone
        self._unread = {name for name in arrays if name != "fcn_batches"}

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        self._unread.discard(name)
        return self._arrays[name].astype(np.float64)

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def check_all_read(self, form: str) -> None:
        """Raise an error if a part of the network was left out."""
        if self._unread:
            raise ValueError(
                f"This network has parameters that the export to {form} does not know: "
                f"{', '.join(sorted(self._unread))}. Fit without the part that they belong to."
            )


@dataclass(frozen=True)
class FittedModel:
    """A fitted classifier or regressor; of an ensemble the first member."""

    estimator: LSTMClassifier | LSTMRegressor
    spec: NetworkSpec
    parameters: Parameters
    n_channels: int  # of X, the last of which is the time since the step before if it is read
    patch_size: int  # steps of X that become one for the recurrent layers
    branch_patch_size: int  # and for the branch
    scale: str | None
    center: NDArray[np.float64]  # (n_channels,)
    deviation: NDArray[np.float64]  # (n_channels,)
    by_size: NDArray[np.float64]  # (3, n_channels): width, mean, deviation, see `gather`
    static: NDArray[np.int64]  # (n_static,): channels of numbers, read once for each sequence
    categorical: NDArray[np.intp]  # (n_categorical,): channels that hold categories
    is_member: bool = False  # of an ensemble, so that it gives raw predictions

    @classmethod
    def of(cls, estimator: Any, form: str) -> FittedModel:
        """Return what an exporter needs, or raise an error that says what cannot be exported."""
        if isinstance(estimator, LSTMForecaster):
            raise TypeError(
                f"An LSTMForecaster cannot be exported to {form}: it goes on from its stored "
                "series, with calendars of pandas. Save it with joblib, or export an "
                "LSTMRegressor that was fitted on windows of the series "
                "(sklstm.windows)."
            )
        if not isinstance(estimator, _EXPORTED):
            raise TypeError(
                f"{type(estimator).__name__} cannot be exported to {form}: pass "
                f"{_what_to_pass(estimator)}."
            )
        check_is_fitted(estimator)
        if form != "torch":
            _check_single_precision(estimator, form)
        return cls(
            estimator=estimator,
            spec=estimator._spec,
            parameters=_parameters(estimator)[0],
            n_channels=len(estimator.channel_mean_),
            patch_size=estimator.patch_size_,
            branch_patch_size=estimator.branch_patch_size_,
            scale=estimator._architecture["scale"],
            center=estimator.channel_mean_,
            deviation=estimator.channel_scale_,
            by_size=estimator._by_size,
            static=estimator._roles.static,
            categorical=estimator._categorical,
        )

    @property
    def members(self) -> list[FittedModel]:
        """The networks of an ensemble, or this one."""
        return [replace(self, parameters=one) for one in _parameters(self.estimator)]

    def check_single(self, form: str) -> None:
        """Raise an error for an ensemble."""
        n_networks = len(self.members)
        if n_networks > 1:
            raise ValueError(
                f"An ensemble of {n_networks} networks cannot be exported to {form}: export each "
                "of estimators_, and take the mean of their probabilities or values."
            )

    @property
    def numeric(self) -> NDArray[np.intp]:
        """The channels that are read as numbers at every step."""
        others = np.concatenate([self.static, self.categorical])
        return np.setdiff1d(np.arange(self.n_channels), others)

    @property
    def gaps(self) -> NDArray[np.int64]:
        """The channels of which is read whether they were observed."""
        return self.estimator.gap_channels_

    @property
    def number_gaps(self) -> NDArray[np.int64]:
        """The places of those channels among the numeric ones."""
        return np.flatnonzero(np.isin(self.numeric, self.gaps))

    @property
    def reads_gaps(self) -> bool:
        """Whether NaN is a gap, to be filled."""
        return bool(self.estimator._architecture["missing"] != "error")

    @property
    def fills_ahead(self) -> bool:
        """Whether a gap is filled by the next value too."""
        return self.estimator._roles.reading.ahead

    @property
    def time_unit(self) -> float | None:
        """What one unit of time is in the last channel of X; None without times."""
        reads_times = self.estimator._architecture["time_gaps"]
        return self.estimator.time_unit_ if reads_times else None

    @property
    def has_time_stamps(self) -> bool:
        """Whether times are in seconds, not in the numbers of an index."""
        return self.time_unit is not None and self.estimator._time_kind == "time stamps"

    @property
    def rates(self) -> NDArray[np.float64]:
        """The rates (n_numeric,) at which values decay in gaps; 0: the gap is filled on a line."""
        return self.estimator._roles.reading.rates

    @property
    def chain(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The weights and sweeps by which all channels fill a gap, see `expect`; or no weights."""
        reading = self.estimator._roles.reading
        return reading.weights, reading.sweeps

    @property
    def classes(self) -> NDArray | None:
        """The labels (n_classes,) of a classifier; None for a regressor."""
        return getattr(self.estimator, "classes_", None)

    @property
    def regression_loss(self) -> RegressionLoss:
        """The loss of a regressor."""
        assert isinstance(self.estimator, LSTMRegressor)
        return self.estimator._loss()

    @property
    def is_multilabel(self) -> bool:
        """Whether each class is a label that is there or not."""
        return bool(getattr(self.estimator, "_multilabel", False))

    @property
    def channel_names(self) -> list[str]:
        """The names of the channels; "x0", "x1", ... if fit was given none."""
        names = [str(name) for name in getattr(self.estimator, "feature_names_in_", ())]
        n_channels = self.estimator.n_channels_in_
        if len(names) != n_channels:  # none, or those of the columns of a 2-D X
            names = [f"x{i}" for i in range(n_channels)]
        return [*names, "time since the step before"] if self.time_unit else names

    def metadata(self, version: str) -> dict[str, str]:
        """Return what a file says of the model that it comes from."""
        known = {
            "producer": f"sklstm {version}",
            "sklstm_version": version,
            "estimator": type(self.estimator).__name__,
            "channels": json.dumps(self.channel_names),
        }
        if self.classes is not None:
            known["classes"] = json.dumps(self.classes.tolist(), default=str)
        return known


def _what_to_pass(estimator: Any) -> str:
    """Return what of an object that is no estimator of this package can be exported."""
    if isinstance(estimator, Pipeline) and isinstance(estimator[-1], _EXPORTED):
        return "its last step, pipeline[-1], and give it what the steps before it make of X"
    for name in ("best_estimator_", "estimator_", "regressor_"):
        if isinstance(getattr(estimator, name, None), (*_EXPORTED, Pipeline)):
            return f"its {name}"
    return "a fitted LSTMClassifier or LSTMRegressor"


def _check_single_precision(estimator: LSTMClassifier | LSTMRegressor, form: str) -> None:
    """Refuse channels of X, and outputs, whose values float32 does not hold, or warn of them."""
    names = channel_names(estimator)
    scaled = [
        (
            f"Channel {names[k]!r} of X",
            "it",
            estimator.channel_mean_[k],
            estimator.channel_scale_[k],
        )
        for k in range(estimator.n_channels_in_)
    ]
    limits = np.finfo(np.float32)
    if isinstance(estimator._loss(), Survival):
        last = estimator.interval_ends_[-1]
        if not limits.tiny <= last <= limits.max:
            raise ValueError(
                f"The times of y go up to {last:.3g}, which float32, the precision of the export "
                f"to {form}, does not hold: fit with times in another unit."
            )
    if isinstance(estimator, LSTMRegressor):
        outputs = zip(estimator.target_mean_, estimator.target_scale_, strict=True)
        scaled += [(f"Output {k} of y", "y", *each) for k, each in enumerate(outputs)]
    for what, it, mean, deviation in scaled:
        if deviation < limits.tiny or max(abs(mean), deviation) > limits.max:
            raise ValueError(
                f"{what} has the mean {mean:.3g} and the deviation {deviation:.3g}, which float32, "
                f"the precision of the export to {form}, does not hold: fit with {it} multiplied "
                "by a constant."
            )
    _warn_of_coarse(scaled, form)


def _warn_of_coarse(scaled: list[tuple[str, str, float, float]], form: str) -> None:
    """Warn where neighbouring numbers of float32 are far apart for the deviation.

    scaled: what has a mean and a deviation, its pronoun, and both
    """
    coarse = [
        (what, it, mean, deviation, step)
        for what, it, mean, deviation in scaled
        if (step := float(np.spacing(np.float32(abs(mean))))) > _COARSE * deviation
    ]
    if coarse:
        what, it, mean, deviation, step = coarse[0]
        others = f" So it is with {len(coarse) - 1} more." if len(coarse) > 1 else ""
        warnings.warn(
            f"{what} has the mean {mean:.6g} and the deviation {deviation:.3g}. There the numbers "
            f"of float32, the precision of the export to {form}, are {step:.3g} apart, so that "
            f"predictions may differ from those of predict: subtract a constant from {it} before "
            f"fit.{others}",
            stacklevel=5,
        )


def _parameters(estimator: LSTMClassifier | LSTMRegressor) -> list[Parameters]:
    """Return the parameters of each member of an ensemble, or of the one network."""
    if len(estimator._members) == 1:
        return [Parameters(estimator.parameters_)]
    return [Parameters(member.parameters_) for member in estimator.estimators_]


def folded(
    model: FittedModel, layer: ConvolutionLayer, names: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weight (n_filters, n_inputs, width) and bias, with batch normalisation in them.

    names: of the arrays, "fcn_{}_l0" for instance
    """
    weight = _weight(model, layer, names.format("weight"))
    if not layer.normalised:
        bias = names.format("bias")
        has_bias = bias in model.parameters
        return weight, model.parameters[bias] if has_bias else np.zeros(layer.n_filters)
    scale, shift, mean, variance = (
        model.parameters[names.format(kind)] for kind in ("scale", "shift", "mean", "variance")
    )
    scale = scale / np.sqrt(variance + EPSILON)
    return weight * scale[:, np.newaxis, np.newaxis], shift - mean * scale


def _weight(model: FittedModel, layer: ConvolutionLayer, name: str) -> NDArray[np.float64]:
    """Return the weight of all filters; the narrower ones have zeros around them."""
    weights = [model.parameters[name]]
    for j, width in enumerate(layer.narrower, start=1):
        weight = model.parameters[f"{name}_{j}"]
        first = layer.first_of(width)
        around = first, layer.width - width - first
        weights.append(np.pad(weight, ((0, 0), (0, 0), around)))
    return np.concatenate(weights)
