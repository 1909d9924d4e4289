"""LSTMClassifier: labels in, probabilities out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags, _safe_indexing, column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from sklstm._estimator.base import BaseLSTM, pair
from sklstm._estimator.callbacks import validated
from sklstm._estimator.documentation import documented
from sklstm._estimator.hyper_parameters import HyperParameters
from sklstm._input.containers import as_array, as_text, check_container, without_na
from sklstm._input.targets import (
    plain,
    refuse_other_indicators,
    rows_without_label,
    target_labels,
    warn_of_one_hot,
    weights_of_classes,
)
from sklstm.components.component import parameter
from sklstm.components.convolutions import LITE
from sklstm.components.loss import TargetError
from sklstm.components.losses import BinaryCrossEntropy, ClassificationLoss, CrossEntropy

_BY_ACTIVATION: dict[str, ClassificationLoss] = {
    loss.activation: loss for loss in (CrossEntropy(), BinaryCrossEntropy())
}


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class ClassifierParameters(HyperParameters):
    """The constructor of the classifier."""

    class_weight: dict[Any, float] | Literal["balanced"] | None = parameter(
        None, StrOptions({"balanced"}), dict, None, group="training",
        kind='dict, "balanced" or None',
        text='Weights of the classes, by label. "balanced": inverse to their frequencies.',
    )  # fmt: skip
    missing_label: Any = parameter(
        None, group="input", kind="label or None",
        text="With `return_sequences`, the label of steps that have no target.",
    )  # fmt: skip


def _distinct(classes: Any) -> NDArray:
    """Return the labels that the user lists as classes, sorted (n_classes,)."""
    check_container(classes, "classes")
    labels = without_na(np.asarray(plain(as_array(classes))))
    if labels.ndim == 0:
        raise ValueError(f"classes={classes!r}: pass a list of all labels.")
    if (labels != labels).any():
        raise ValueError(
            "classes holds NaN, NA or None, which is no label: leave it out. missing_label says "
            "which label marks steps without a target."
        )
    return unique_labels(target_labels(labels))


@documented
class LSTMClassifier(ClassifierMixin, ClassifierParameters, BaseLSTM):
    """Classifier of sequences: a long short-term memory network [1]_ [2]_.

    Sequences of any length and number of channels are standardised, read by a recurrent layer in
    both directions and by convolutions beside it, and classified from the final states and the
    mean of the convolutions. The defaults are meant to work without tuning. {start_here}

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    classes_, out_activation_ : ndarray of shape (n_classes,), {"softmax", "logistic"}
        Class labels, for multi-label y 0, 1, ...; what turns raw predictions into probabilities.
    {attributes}

    References
    ----------
    {references}

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.datasets import load_japanese_vowels
    >>> X, y = load_japanese_vowels(return_X_y=True, subset="train")
    >>> model = LSTMClassifier(max_iter=5, random_state=0).fit(X, y)
    >>> model.predict_proba(X[:2]).shape
    (2, 9)
    """

    _auto_branch = LITE()

    @validated
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        {X_of_fit}
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels of any type; a matrix of 0 and 1 for several labels a sample.
        {sample_weight}
        {validation}

        Returns
        -------
        LSTMClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If X or y are not as above, or if the training diverges at once.
        """
        return self._fit(X, y, sample_weight, pair(X_val, y_val))

    @validated
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one more epoch, on these samples, at a constant learning rate.

        Parameters
        ----------
        {X}
        y, sample_weight : as in `fit`
        classes : array-like of shape (n_classes,) or None, default=None
            All labels that will ever come. Needed in the first call only.

        Returns
        -------
        LSTMClassifier
            The estimator.
        """
        if not hasattr(self, "theta_"):
            if classes is None and (y is None or not self._is_multilabel(y)):
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self._known_classes = None if classes is None else _distinct(classes)
        elif classes is not None and not np.array_equal(_distinct(classes), self.classes_):
            raise ValueError(
                f"classes={classes!r} is not what the first call to partial_fit was given: "
                f"{self.classes_!r}."
            )
        try:
            return self._fit(X, y, sample_weight, incremental=True)
        finally:
            self._known_classes = None

    def _is_multilabel(self, y: Any) -> bool:
        """Return whether y has a column for each label; of time steps by those of sample 0."""
        check_container(y, "y")
        looked_at = _safe_indexing(y, 0) if self.return_sequences else target_labels(as_array(y))
        return bool(type_of_target(looked_at).startswith("multilabel"))

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Raw scores before they become probabilities.

        Parameters
        ----------
        {X}

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log-odds of the second of two classes, or one score a class or label.
        """
        return self._predict(X, self._scores)

    def _scores(self, raw: NDArray) -> NDArray[np.float64]:
        """Return log-odds of the second of two classes, or a score for each class."""
        raw = raw.astype(np.float64)
        return raw[:, 0] if not self._multilabel and raw.shape[1] == 1 else raw

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of every class.

        Parameters
        ----------
        {X}

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1; for multi-label y each column is a probability of its own.
        """
        return self._predict(X, self._probabilities)

    def _probabilities(self, raw: NDArray) -> NDArray[np.float64]:
        """Return the probabilities of classes or labels."""
        probabilities = self._loss().probabilities(raw)
        return probabilities[:, 1:] if self._multilabel and raw.shape[1] == 1 else probabilities

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Logarithm of `predict_proba`.

        Parameters
        ----------
        {X}

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Log-probabilities.
        """
        with np.errstate(divide="ignore"):  # a probability of 0 is -inf
            return self._predict(X, lambda raw: np.log(self._probabilities(raw)))

    def predict(self, X: Any) -> NDArray:
        """The most probable class, or for multi-label y the labels above one half.

        Parameters
        ----------
        {X}

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Predicted labels.
        """
        return self._predict(X, self._decide)

    def _decide(self, raw: NDArray) -> NDArray:
        """Return the most probable classes, or the labels above one half."""
        if self._multilabel:
            return (raw > 0.0).astype(np.int64)
        if raw.shape[1] == 1:
            return self.classes_[(raw[:, 0] > 0.0).astype(np.intp)]
        return self.classes_[raw.argmax(axis=1)]

    def _decoders(self) -> dict[str, Callable[[NDArray], NDArray]]:
        """Return what turns raw predictions into the result of a method, by its name."""
        return {
            "predict": self._decide,
            "predict_proba": self._probabilities,
            "decision_function": self._scores,
        }

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy; with ``return_sequences=True`` over the steps that have a target.

        Parameters
        ----------
        {X}
        y, sample_weight : as in `fit`

        Returns
        -------
        float
            Share of correct predictions.
        """
        if self.return_sequences:
            y, raw, sample_weight = self._steps_to_score(X, y, sample_weight)
            y = y[:, 0] if y.shape[1:] == (1,) else y
            truth = self._truth(y)
            return float(accuracy_score(truth, self._decide(raw), sample_weight=sample_weight))
        y, sample_weight = self._aligned(X, y, sample_weight)
        return super().score(X, self._truth(y), sample_weight)

    def _truth(self, y: Any) -> Any:
        """Return y as scikit-learn's accuracy compares it; of several labels only 0 and 1."""
        truth = target_labels(y)
        if self._multilabel and np.ndim(truth) == 2:
            refuse_other_indicators(np.asarray(truth))
        return truth

    # --- what y means ---------------------------------------------------------------------
    def _encode(self, y: Any, reset: bool) -> NDArray:
        """Return positions of the classes, or 0 and 1 for each label; set what fit remembers."""
        if self.missing_label is not None and not self.return_sequences:
            raise ValueError(
                "missing_label marks steps without a target: set return_sequences=True, or leave "
                "missing_label at None."
            )
        if self.return_sequences and y.shape[1:] == (1,):
            y = y[:, 0]
        y = target_labels(y)
        check_classification_targets(y)
        kind = type_of_target(y)
        multilabel = kind.startswith("multilabel")
        if kind == "multiclass-multioutput":
            raise ValueError(
                f"y has {np.shape(y)[1]} columns of classes. Several columns are labels that do "
                "not exclude each other, 0 or 1. For columns of classes fit a network for each, "
                "with sklearn.multioutput.MultiOutputClassifier."
            )
        y = np.asarray(y) if multilabel else column_or_1d(y, warn=True)
        if multilabel:
            refuse_other_indicators(y)
        if reset:
            self._multilabel = multilabel
            known = getattr(self, "_known_classes", None)
            if multilabel:
                warn_of_one_hot(y)
                self.classes_ = np.arange(y.shape[1])
            else:
                self.classes_ = unique_labels(y) if known is None else known
            if len(self.classes_) < 2 and not multilabel:
                raise ValueError(
                    f"y holds one class only, {as_text(self.classes_[0])}; a classifier needs at "
                    "least two classes."
                )
            binary = multilabel or len(self.classes_) == 2
            self.out_activation_ = "logistic" if binary else "softmax"
            n_classes = len(self.classes_)
            self.n_outputs_ = 1 if binary and not multilabel else n_classes
        if multilabel != self._multilabel or (multilabel and y.shape[1] != len(self.classes_)):
            raise ValueError(
                f"y is not of the kind seen in fit: classes_ is {self.classes_!r}, "
                f"y has the shape {y.shape}."
            )
        if multilabel:
            return y.astype(np.float64)
        place = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        unknown = self.classes_[place] != y
        if unknown.any():
            i = int(np.argmax(unknown))
            raise TargetError(
                f"y holds labels not seen before: entry {i} is {as_text(y[i])}, known are "
                f"{self.classes_.tolist()}. In partial_fit, pass all labels as classes in the "
                "first call; with a warm start, fit anew with warm_start=False; leave samples of "
                "other labels out of X_val.",
                i,
            )
        return place[:, np.newaxis].astype(np.float64)

    def _decoded(self, target: NDArray) -> NDArray:
        """Return y as the user has it, of what `_encode` made of it."""
        if self._multilabel:
            return target.astype(np.int64)
        return self.classes_[target[:, 0].astype(np.intp)]

    def _missing(self, y: NDArray) -> NDArray[np.bool_]:
        """Return which rows of y have the label for "no target"."""
        return rows_without_label(y, self.missing_label)

    def _loss(self) -> ClassificationLoss:
        """Return the loss that belongs to the number of classes."""
        return _BY_ACTIVATION[self.out_activation_]

    def _weigh(self, target: NDArray, weight: NDArray) -> NDArray:
        """Return the weights of rows times those of their classes."""
        if self.class_weight is None:
            return weight
        if self._multilabel:
            raise ValueError("class_weight does not apply to multi-label y: use sample_weight.")
        place = target[:, 0].astype(np.intp)
        if self.class_weight == "balanced":
            # a weight counts as so many copies, and a class that is not there as none
            total = np.bincount(place, weight, minlength=len(self.classes_))
            here = total > 0
            by_class = np.divide(weight.sum() / here.sum(), total, where=here, out=total)
        else:
            by_class = weights_of_classes(self.class_weight, self.classes_)
        return weight * by_class[place]

    def _strata(self, target: NDArray) -> NDArray | None:
        """Return the classes, whose shares a validation split keeps."""
        return None if self._multilabel else target[:, 0]

    def _score_raw(self, raw: NDArray, target: NDArray, weight: NDArray) -> float:
        """Return the accuracy of raw predictions."""
        truth = self._decoded(target)
        return float(accuracy_score(truth, self._decide(raw), sample_weight=weight))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
