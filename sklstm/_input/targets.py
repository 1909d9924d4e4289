"""What y and the weights of classes may be, and what is said of what they may not."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import _check_y

from sklstm._input.containers import as_text, is_pandas, refuse_fields, without_na
from sklstm._input.moments import unit_of
from sklstm._input.sequences import LARGEST
from sklstm._kernels.gather import SMALLEST_DEVIATION
from sklstm.components.loss import TargetError

# Of fewer rows of several labels that each has a single 1 may be chance.
_ROWS_TO_TELL = 10
# Size of targets in the scale of the first fit from which on training hardly gets to them.
_FAR = 100.0


# --- values -------------------------------------------------------------------------------
def target_values(y: Any, estimator: Any, steps: bool) -> NDArray[np.float64]:
    """y of a regressor as numbers; with `steps` a row of a time step may be missing."""
    y = plain(y)
    _refuse_uneven(y)
    _refuse_shape(y)
    refuse_words(y)
    _refuse_infinite(y)
    if steps:
        y = check_array(
            y, dtype=np.float64, ensure_2d=False, ensure_all_finite="allow-nan", input_name="y"
        )
    else:
        _refuse_missing(y, "")
        y = _check_y(y, multi_output=True, y_numeric=True, estimator=estimator).astype(np.float64)
    large = np.abs(y) > LARGEST
    if large.any():
        place = np.argwhere(large)[0]
        what = "" if steps else f" for sample {place[0]}"
        raise TargetError(
            f"y is {y[tuple(place)]:.6g}{what}. Values beyond {LARGEST:.0e} are too large to "
            "compute with: divide y by a constant, or take its logarithm.",
            place[0],
        )
    return y


def refuse_words(y: Any) -> None:
    """Refuse a y that holds no numbers."""
    array = without_na(np.asarray(y))
    if array.dtype.kind in "cMmV":
        raise ValueError(f"y holds no numbers, its dtype is {array.dtype}: convert it to numbers.")
    if array.dtype.kind not in "OU":
        return
    for value in array.flat:
        try:
            float(value)
        except (TypeError, ValueError):
            raise ValueError(
                f"y holds {as_text(value)}, which is not numeric: LSTMRegressor predicts numbers, "
                "LSTMClassifier labels."
            ) from None


def target_moments(
    target: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and scale (n_outputs,) of targets (n_rows, n_outputs), of which some may be NaN.

    weight (n_rows,)
    """
    given = _weight_of_values(target, weight)
    known = np.nan_to_num(target)
    mean = np.average(known, axis=0, weights=given)
    variance = np.average((known - mean) ** 2, axis=0, weights=given)
    for output in np.nonzero(variance < SMALLEST_DEVIATION**2)[0]:
        values = target[given[:, output] > 0.0, output]
        if (values != values[0]).any():
            raise ValueError(
                f"y varies by less than {SMALLEST_DEVIATION:.0e}, too little to compute with: "
                "multiply y by a constant, or take its logarithm."
            )
    return mean, unit_of(np.sqrt(variance), mean)


def target_means(
    target: NDArray[np.float64], weight: NDArray[np.float64], loss: str
) -> NDArray[np.float64]:
    """Means (n_outputs,), for a loss of positive means; for shapes see `target_moments`."""
    given = _weight_of_values(target, weight)
    mean = np.average(np.nan_to_num(target), axis=0, weights=given)
    for output in np.nonzero(mean < SMALLEST_DEVIATION)[0]:
        if mean[output] > 0.0:
            raise ValueError(
                f"The mean of y is {mean[output]:.3g}, too little to compute with: multiply y by a "
                "constant."
            )
        where, advice = "", "begin with samples of which some are positive"
        if mean.size > 1:
            where, advice = f" of output {output}", "leave it out"
        raise ValueError(
            f"{loss} predicts a positive mean, but y is 0 in all rows{where} that count: {advice}, "
            "or choose loss='squared_error'."
        )
    return np.asarray(mean)


def _weight_of_values(target: NDArray, weight: NDArray) -> NDArray[np.float64]:
    """Weights (n_rows, n_outputs) of targets, 0 where they are NaN; some of each output count."""
    given = np.where(np.isnan(target), 0.0, weight[:, np.newaxis])
    if not given.any(axis=0).all():
        raise ValueError(
            f"Output {np.argmin(given.any(axis=0))} of y has no target at any step: leave it out."
        )
    return given


def warn_of_far_targets(scaled: NDArray[np.float64], weight: NDArray[np.float64]) -> None:
    """Warn of targets (n_rows, n_outputs) far from 0 in the scale of an earlier fit.

    weight (n_rows,)
    """
    given = _weight_of_values(scaled, weight)
    size = np.sqrt(np.average(np.nan_to_num(scaled) ** 2, axis=0, weights=given)).max()
    if size > _FAR:
        warnings.warn(
            f"The size of y is {size:.3g} in the scale of the first fit or partial_fit, which was "
            "1 there, and this scale stays: the network can hardly learn such y. Start anew, with "
            "first samples whose y differ as those of all data do.",
            UserWarning,
            stacklevel=2,
        )


# --- labels -------------------------------------------------------------------------------
def target_labels(y: Any) -> Any:
    """y of a classifier as an array or a list, without missing labels."""
    y = plain(y)
    _refuse_uneven(y)
    _refuse_shape(y)
    _refuse_missing(
        y,
        ", or with return_sequences=True say that time steps may have no target, with "
        "missing_label=np.nan",
    )
    array = np.asarray(y)
    if array.dtype.kind == "c":
        raise ValueError(f"y holds complex numbers, its dtype is {array.dtype}; labels are real.")
    assert_all_finite(y, input_name="y")
    if array.dtype != object:
        return y
    kinds = sorted({"str" if isinstance(v, str) else type(v).__name__ for v in array.flat})
    if "str" not in kinds:
        labels = array.tolist()
        _refuse_uneven(labels)
        array = np.array(labels)  # True and False, for instance, among objects
        if array.dtype != object:
            return array
    if len(kinds) > 1:
        raise ValueError(
            f"y mixes labels of the types {' and '.join(kinds)}: convert them to one type, for "
            "instance with y.astype(str)."
        )
    if kinds != ["str"]:
        raise ValueError(
            f"y holds labels of the type {kinds[0]}, such as {as_text(array.flat[0])}, which "
            "scikit-learn does not read: convert them to text, for instance with y.astype(str)."
        )
    return y


def rows_without_label(y: NDArray, missing_label: Any) -> NDArray[np.bool_]:
    """Which rows of y (n_rows,) or (n_rows, n_labels) hold `missing_label` alone; None: none."""
    if missing_label is None:
        return np.zeros(len(y), bool)
    (label,) = without_na(np.array([missing_label], object))
    y = without_na(y)
    # NaN is not equal to itself, and labels of another type to none
    missing = np.broadcast_to(y != y if label != label else y == label, y.shape)
    if not missing.any():
        _refuse_look_alike(y, label)
    return np.asarray(missing.all(axis=tuple(range(1, y.ndim))))


def _refuse_look_alike(y: NDArray, missing_label: Any) -> None:
    """Refuse a label for "no target" that y has as text where it is a number, or the reverse."""
    is_text = isinstance(missing_label, str)
    try:
        other = float(missing_label) if is_text else str(missing_label)
    except ValueError:  # a word
        return
    if y.dtype.kind in ("iuf" if is_text else "OU") and (y == other).any():
        raise ValueError(
            f"missing_label={missing_label!r} is not in y, but {other!r} is: pass "
            f"missing_label={other!r}, or convert y."
        )


def plain(y: Any) -> Any:
    """A NumPy array in place of a pandas object, with NaN in place of its NA.

    And of objects in place of a list of text and other things, all of which NumPy makes text.
    """
    array = y.to_numpy() if is_pandas(y) else _unmixed(y)
    if isinstance(array, np.ndarray) and array.dtype.kind == "T":
        array = array.astype(object)  # NumPy's StringDType, which scikit-learn does not read
    return without_na(array) if isinstance(array, np.ndarray) else array


def _unmixed(y: Any) -> Any:
    """An array of objects in place of a list in which not all is text; anything else as it is."""
    if not isinstance(y, (list, tuple)):
        return y
    try:
        if np.asarray(y).dtype.kind != "U":
            return y
    except ValueError:  # entries of different lengths
        return y
    objects = np.asarray(y, object)
    return y if all(isinstance(label, str) for label in objects.flat) else objects


def _refuse_shape(y: Any) -> None:
    """Refuse a y that has not one entry, or one row, for each sample."""
    refuse_fields(y, "y")
    shape = np.shape(y)
    if len(shape) not in (1, 2):
        raise ValueError(
            f"y has the shape {shape}; needed is one entry for each sample, (n_samples,), or one "
            "row, (n_samples, n_outputs). A target for each time step needs return_sequences=True."
        )
    if 0 in shape:
        raise ValueError(f"y holds nothing, its shape is {shape}.")


def _refuse_uneven(y: Any) -> None:
    """Refuse a list of entries of different lengths."""
    if not isinstance(y, (list, tuple)):
        return
    try:
        np.asarray(y)
    except ValueError:
        raise ValueError(
            "Entries of y differ in length; needed is a label or number for each sample, or a row "
            "of as many. Encode lists of labels with sklearn.preprocessing.MultiLabelBinarizer; "
            "a target for each time step needs return_sequences=True."
        ) from None


def warn_of_one_hot(y: NDArray) -> None:
    """Warn of labels (n_rows, n_labels) that look like one-hot encoded classes."""
    if len(y) >= _ROWS_TO_TELL and y.shape[1] > 1 and (y.sum(axis=1) == 1).all():
        warnings.warn(
            "y was read as labels that do not exclude each other, but each of its rows has a "
            "single 1, as in one-hot encoded classes. If they are classes, pass y.argmax(axis=1).",
            UserWarning,
            stacklevel=2,
        )


def refuse_other_indicators(y: NDArray) -> None:
    """Refuse a multi-label y (n_rows, n_labels) that holds something else than 0 and 1."""
    other = (y != 0) & (y != 1)
    if other.any():
        row, label = np.argwhere(other)[0].tolist()
        raise TargetError(
            f"y has a column for each label, where 1 says that a sample has it and 0 that it does "
            f"not, but it holds {as_text(y[row, label])} in entry {row}, column {label}. Compare y "
            "with the value that means yes, for instance (y == 1).astype(int).",
            row,
        )


def _refuse_missing(y: Any, otherwise: str) -> None:
    """Refuse a y that is missing for some samples."""
    array = without_na(np.asarray(y))
    if array.dtype.kind not in "fOMm" or array.ndim not in (1, 2):
        return
    missing = np.asarray(array != array, bool).reshape(len(array), -1).any(axis=1)
    if missing.any():
        raise TargetError(
            f"Input y contains NaN, NA or None: it is missing in entry {int(missing.argmax())} "
            f"({missing.sum()} of {len(array)} entries). Leave these samples out{otherwise}.",
            int(missing.argmax()),
        )


def _refuse_infinite(y: Any) -> None:
    """Refuse a y of numbers that is infinite somewhere."""
    infinite = np.isinf(without_na(np.asarray(y)).astype(np.float64))
    if infinite.any():
        row = int(np.argwhere(infinite)[0, 0])
        raise TargetError(
            f"Input y contains infinity, in entry {row}. Correct the value, or leave the sample "
            "out.",
            row,
        )


def check_weight(sample_weight: Any) -> None:
    """Refuse weights of samples or time steps that are missing, infinite or negative."""
    if sample_weight is None:
        return
    try:
        weight = without_na(np.asarray(plain(sample_weight)))
    except ValueError:
        raise ValueError(
            f"sample_weight is a {type(sample_weight).__name__} whose elements do not fit into one "
            "array; needed is a number for each sample. A validation set is passed by name, as "
            "X_val= and y_val=."
        ) from None
    if weight.dtype.kind in "US":
        raise ValueError(
            f"sample_weight holds text, {as_text(weight.flat[0])} for instance: weights are "
            "numbers."
        )
    if weight.ndim != 1 or weight.dtype.kind not in "fiubO":
        return  # scikit-learn refuses it
    bad = ~((weight := weight.astype(np.float64)) >= 0.0) | np.isinf(weight)
    if bad.any():
        row = int(bad.argmax())
        found = {"nan": "NaN", "inf": "infinity"}.get(f"{weight[row]:g}", f"{weight[row]:g}")
        raise TargetError(
            f"Input sample_weight contains {found} in entry {row} ({bad.sum()} such entries). "
            "Weights are finite and not negative; a weight of 0 leaves a sample out.",
            row,
        )


def _check_class_weight(class_weight: Any) -> None:
    """Refuse weights of classes that are no numbers, negative or not finite."""
    if not isinstance(class_weight, Mapping):
        return
    for label, weight in class_weight.items():
        if not isinstance(weight, Real) or not 0.0 <= float(weight) < math.inf:
            raise ValueError(
                f"class_weight of class {as_text(label)} is {as_text(weight)}: it must be a finite "
                "number of at least 0."
            )


def weights_of_classes(class_weight: Mapping[Any, float], classes: NDArray) -> NDArray[np.float64]:
    """Return the weight (n_classes,) of each class, 1 for those that a dict does not name.

    A label that is no class is allowed if all classes have a weight, as in a part of the data in
    which one does not occur. (scikit-learn reads labels of digits, such as "0", as numbers.)
    """
    _check_class_weight(class_weight)
    labels = classes.tolist()
    foreign = [label for label in class_weight if label not in labels]
    if foreign and any(label not in class_weight for label in labels):
        raise ValueError(
            f"class_weight has a weight of {as_text(foreign[0])}, which is none of the labels "
            f"{labels}: pass the labels as they are in y, of the same type."
        )
    return np.array([class_weight.get(label, 1.0) for label in labels], np.float64)


def check_total(weight: NDArray[np.float64]) -> None:
    """Refuse weights (n_rows,) from which nothing can be learned."""
    with np.errstate(over="ignore"):
        total = weight.sum()
    if not total > 0.0:
        raise ValueError("All sample weights are zero: there is nothing to learn from.")
    if not math.isfinite(total):
        raise ValueError(
            f"The sample weights, times those of the classes, are up to {weight.max():.3g}, and "
            "their sum is infinite: divide them by a constant."
        )


def split_off(
    samples: NDArray,
    fraction: float,
    rng: np.random.RandomState,
    codes: NDArray | None,
    labels: NDArray | None,
) -> tuple[NDArray, NDArray]:
    """Samples to train on, and samples to validate on, with the same shares of the classes.

    codes (n,): class of each sample as a position in labels (n_classes,); None: none are kept
    labels: None: the shares are kept if there are enough samples
    """
    if len(samples) < 2:
        raise ValueError(
            f"early_stopping=True holds out some of the training samples, and X has "
            f"{len(samples)} of positive weight: pass X_val and y_val, or set early_stopping=False."
        )
    if codes is not None and labels is not None:
        found, counts = np.unique(codes, return_counts=True)
        instead = "pass X_val and y_val, or set early_stopping=False"
        if counts.min() < 2:
            label = labels[int(found[counts.argmin()])]
            raise ValueError(
                f"Class {as_text(label)} has one sample only, and early_stopping=True needs one to "
                f"train on and one to validate on: leave the class out, {instead}."
            )
        n_held_out = math.ceil(fraction * len(samples))
        if min(n_held_out, len(samples) - n_held_out) < len(found):
            raise ValueError(
                f"validation_fraction={fraction} of {len(samples)} samples holds out {n_held_out}, "
                f"and y has {len(found)} classes, each of which must be on both sides: change "
                f"validation_fraction, {instead}."
            )
    elif codes is not None:
        n_held_out = math.ceil(fraction * len(samples))
        of_each = np.unique(codes, return_counts=True)[1]
        if min(n_held_out, len(samples) - n_held_out) < len(of_each) or of_each.min() < 2:
            codes = None
    kept, held_out = train_test_split(samples, test_size=fraction, random_state=rng, stratify=codes)
    return kept, held_out
