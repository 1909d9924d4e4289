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


class FitCallbacks:
    """Report a fit, its members and their epochs to the callbacks of an estimator.

    The epochs of a single member are tasks of the fit itself. Several members are tasks that have
    the epochs; they train side by side, but the caller lets them report one at a time.
    """

    def __init__(self, estimator: Any, n_members: int, n_epochs: int, X: Any, y: Any) -> None:
        self._data = {"estimator": estimator, "X": X, "y": y}
        self._n_members, self._n_epochs = n_members, n_epochs
        self._fit: Any = None
        if getattr(estimator, "_skl_callbacks", None):
            single = n_members == 1
            self._fit = estimator._init_callback_context(
                max_subtasks=n_epochs if single else n_members, sequential_subtasks=single
            )
            self.begin(self._fit)

    def of_member(self, k: int) -> EpochCallbacks:
        """Report that the training of a member begins; return what reports its epochs."""
        if self._fit is None or self._n_members == 1:
            return EpochCallbacks(self, self._fit, is_member=False)
        member = self._fit.subcontext("member", k, max_subtasks=self._n_epochs)
        self.begin(member)
        return EpochCallbacks(self, member, is_member=True)

    def begin(self, task: Any) -> None:
        """Report that a task begins."""
        task.call_on_fit_task_begin(**self._data)

    def end(self, task: Any, attributes: Callable[[], dict[str, Any]]) -> bool:
        """Report that a task is over; return True if a callback asks to stop.

        attributes: returns the attributes of the estimator as fitted so far.
        """
        return bool(task.call_on_fit_task_end(**self._data, reconstruction_attributes=attributes))

    def end_fit(self) -> None:
        """Report that the fit is over; the estimator itself is fitted now."""
        if self._fit is not None:
            self.end(self._fit, dict)


class EpochCallbacks:
    """Report the epochs of one member."""

    def __init__(self, fit: FitCallbacks, task: Any, is_member: bool) -> None:
        self._fit, self._task, self._is_member = fit, task, is_member
        self._epoch: Any = None
        if task is not None:
            self._begin_epoch()

    def _begin_epoch(self) -> None:
        """Report that an epoch begins."""
        self._epoch = self._task.subcontext(task_name="epoch")
        self._fit.begin(self._epoch)

    def end_epoch(self, attributes: Callable[[], dict[str, Any]], last: bool) -> bool:
        """Report that an epoch is over; return True if a callback asks to stop."""
        if self._task is None:
            return False
        stop = self._fit.end(self._epoch, attributes)
        if not (stop or last):
            self._begin_epoch()
        return stop

    def end(self, attributes: Callable[[], dict[str, Any]]) -> None:
        """Report that the member is trained."""
        if self._is_member:
            self._fit.end(self._task, attributes)
