"""What stands around a fit: validation, and scikit-learn's callbacks where it has them.

Callbacks are new in scikit-learn 1.9, and marked experimental; older versions have none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import _fit_context

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Replaces scikit-learn's mixin, without ``set_callbacks``."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method unchanged."""
        return method


F = TypeVar("F", bound=Callable[..., Any])


def with_valid_parameters(method: F) -> F:
    """Check the hyper-parameters before a fit."""
    checked: F = _fit_context(prefer_skip_nested_validation=True)(method)
    return checked


def validated(method: F) -> F:
    """Check the hyper-parameters before a fit, and report it to callbacks."""
    reported: F = with_callbacks(with_valid_parameters(method))
    return reported


class EpochCallbacks:
    """Report a fit and its epochs to the callbacks of an estimator."""

    def __init__(self, estimator: Any, n_epochs: int, X: Any, y: Any) -> None:
        self._estimator = estimator
        self._data = {"estimator": estimator, "X": X, "y": y}
        self._fit: Any = None
        self._epoch: Any = None
        if getattr(estimator, "_skl_callbacks", None):
            self._fit = estimator._init_callback_context(max_subtasks=n_epochs)
            self._fit.call_on_fit_task_begin(**self._data)
            self._begin_epoch()

    def _begin_epoch(self) -> None:
        """Report that an epoch begins."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._data)

    def end_epoch(self, attributes: Callable[[], dict[str, Any]], last: bool) -> bool:
        """Report that an epoch is over; return True if a callback asks to stop.

        attributes: returns the attributes of the estimator as fitted so far.
        """
        if self._fit is None:
            return False
        stop = self._epoch.call_on_fit_task_end(**self._data, reconstruction_attributes=attributes)
        if not (stop or last):
            self._begin_epoch()
        return bool(stop)

    def end_fit(self) -> None:
        """Report that the fit is over; the estimator itself is fitted now."""
        if self._fit is not None:
            self._fit.call_on_fit_task_end(**self._data, reconstruction_attributes={})
