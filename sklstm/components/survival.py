"""The loss of times until an event, some of which are only known to be longer than observed."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, softmax

from sklstm._kernels import losses
from sklstm.components.component import COUNT, parameter
from sklstm.components.loss import RegressionLoss, log_mean

# Share of those at risk in an interval that is added to its survivors, and times the share of all
# events to its events, where training starts: a hazard of 0 or 1 has no log-odds.
_ADDED = 1e-3
# The part of a sum of shares that rounding may add.
_ROUNDING = 1e-9
# The part of a time that a change of units may take off.
_ROUNDING_OF_TIMES = 1e-12


@dataclass(repr=False)
class Survival(RegressionLoss):
    """Negative log-likelihood of the time until an event; predicts a survival curve [1]_ [2]_.

    The time is divided into intervals that hold about the same share of the events of the training
    data; times after the last event are one more. For each, the network predicts the probability
    that the event happens there if it did not before. A sample whose event was not observed counts
    for the intervals through which it was followed by at least half. ``predict`` gives the expected
    time until the event up to the last observed time, ``predict_survival`` the survival curve, and
    ``score`` is the concordance index.

    Parameters
    ----------
    n_intervals : int, default=10
        Largest number of intervals; there are fewer if the events have fewer different times.

    References
    ----------
    .. [1] M. Gensheimer and B. Narasimhan (2019). A scalable discrete-time survival model for
           neural networks. PeerJ 7, e6257.
    .. [2] H. Kvamme and O. Borgan (2021). Continuous and discrete-time survival prediction with
           neural networks. Lifetime Data Analysis 27(4), 710-736.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import Survival
    >>> model = LSTMRegressor(loss=Survival(n_intervals=20))
    """

    n_intervals: int = parameter(10, COUNT)

    kind = losses.HAZARD
    link = "logit"
    # of a fitted network, see `on`
    ends = np.empty(0)  # (n_columns,)
    _start = np.empty(0)  # (n_columns,)

    @property
    def n_columns(self) -> int:
        """The log-odds of the hazard of each interval."""
        return len(self.ends) or int(self.n_intervals)

    @property
    def kernel_parameters(self) -> tuple[float, ...]:
        """The intervals by number."""
        return tuple(map(float, range(self.n_columns)))

    @property
    def initial_raw(self) -> tuple[float, ...]:
        """The log-odds of the hazards in the training data."""
        return tuple(self._start.tolist()) or super().initial_raw

    @property
    def head(self) -> tuple[object, ...]:
        """What the raw predictions mean, whether or not the intervals are known."""
        return self.link, self.n_intervals

    # --- the intervals ----------------------------------------------------------------------
    def on(self, ends: NDArray[np.float64], start: NDArray[np.float64]) -> Self:
        """Return the loss on these intervals, as a fitted network has it.

        ends (n_columns,): rising; an interval lasts from the end of the one before, or 0, up to its
            own, which belongs to it
        start (n_columns,): see `initial_raw`
        """
        fitted = copy.copy(self)
        fitted.ends, fitted._start = ends, start
        return fitted

    def fitted(self, target: NDArray[np.float64], weight: NDArray[np.float64]) -> Self:
        """Return the loss on intervals with about the same share of events each.

        Times after the last event are an interval of their own: it is not spread over them.

        target (n_rows, 2): whether the event was observed, 1 or 0, and the time; weight (n_rows,)
        """
        happened, time = target[:, 0], target[:, 1]
        times, place = np.unique(time, return_inverse=True)
        all_ends = np.bincount(place, weight)
        at_risk = all_ends[::-1].cumsum()[::-1]
        events = np.bincount(place, weight * happened)
        died = 1.0 - np.cumprod(1.0 - events / at_risk)  # the estimate of Kaplan and Meier (1958)
        n_shares = self.n_intervals - int(events[-1] == 0.0)
        shares = died[-1] * np.arange(1, n_shares + 1) / max(n_shares, 1)
        cuts = times[np.searchsorted(died, shares * (1.0 - _ROUNDING))]
        # events at time 0 are in an interval up to the first time after it
        ends = np.unique(np.maximum(np.append(cuts, times[-1]), times[times > 0.0][0]))
        on_ends = self.on(ends, np.empty(0))
        return self.on(on_ends.ends, on_ends._hazards(target, weight))

    def _hazards(
        self, target: NDArray[np.float64], weight: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the log-odds (n_columns,) of the hazards of all rows; for shapes see `fitted`."""
        code = self.encoded(target)[:, 0]
        shares = weight / weight.sum()
        intervals = np.arange(self.n_columns)
        events = shares @ (code[:, np.newaxis] == intervals)
        survivors = shares @ (code[:, np.newaxis] > intervals)
        added = _ADDED * (events + survivors)
        return np.asarray(np.log(events + added * events.sum()) - np.log(survivors + added))

    def encoded(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n_rows, 1) what the kernel compares with; target (n_rows, 2), see `fitted`.

        An event after the last interval is only known to be there.
        """
        happened, time = target[:, 0] == 1.0, target[:, 1]
        interval = np.searchsorted(self.ends, time)
        middle = self.ends - np.diff(self.ends, prepend=0.0) / 2.0
        middle *= 1.0 - _ROUNDING_OF_TIMES  # a time that is there in weeks is there in years
        followed = np.searchsorted(middle, time, side="right")  # intervals, by at least half
        known = happened & (interval < self.n_columns)
        return np.where(known, interval, followed - 0.5)[:, np.newaxis]

    # --- what is predicted --------------------------------------------------------------------
    def survival(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability (n_rows, n_columns) of no event up to the end of each interval."""
        return np.asarray(np.exp(log_expit(-raw).cumsum(axis=1)))

    def survival_at(
        self, raw: NDArray[np.float64], times: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the probability (n_rows, n_times) of no event up to each time (n_times,).

        It falls in a straight line within an interval.
        """
        curve = np.hstack([np.ones((len(raw), 1)), self.survival(raw)])
        starts = np.append(0.0, self.ends)
        place = np.clip(np.searchsorted(starts, times) - 1, 0, self.n_columns - 1)
        part = (times - starts[place]) / (starts[place + 1] - starts[place])
        return np.asarray(curve[:, place] * (1.0 - part) + curve[:, place + 1] * part)

    def values(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the area under the survival curve up to the last end, (n_rows, 1)."""
        return (self.ends[:1] / 2.0 + self.survival(raw) @ self.widths)[:, np.newaxis]

    def slopes(self, raw: NDArray[np.float64], output: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the gradient of the predicted values by raw, (n_rows, n_columns)."""
        later = (self.survival(raw) * self.widths)[:, ::-1].cumsum(axis=1)[:, ::-1]
        return np.asarray(-expit(raw) * later)

    @property
    def widths(self) -> NDArray[np.float64]:
        """Time (n_columns,) for which the survival at the end of each interval stands."""
        widths = np.diff(self.ends, prepend=0.0)
        return np.asarray((widths + np.append(widths[1:], 0.0)) / 2.0)

    @property
    def is_linear(self) -> bool:
        """Whether the predicted values are raw predictions: they are not."""
        return False

    # --- ensembles ----------------------------------------------------------------------------
    def mean(self, raws: NDArray) -> NDArray[np.float64]:
        """Return the log-odds of the hazards of the mean survival curve."""
        raws = raws.astype(np.float64)
        before = _log_survival_before(raws)
        return log_mean(before + log_expit(raws)) - log_mean(before + log_expit(-raws))

    def through_mean(self, raws: NDArray, slope: NDArray) -> NDArray[np.float64]:
        """Return the gradients by the members' raw predictions (n_members, n_rows, n_columns)."""
        before = _log_survival_before(raws)
        events, survivors = (softmax(before + log_expit(z), axis=0) for z in (raws, -raws))
        of_before = slope * (events - survivors)
        later = of_before[..., ::-1].cumsum(axis=-1)[..., ::-1] - of_before
        hazard = expit(raws)
        own = slope * (events * expit(-raws) + survivors * hazard)
        return np.asarray(own - hazard * later)


def _log_survival_before(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the probability of no event before each interval."""
    through = log_expit(-raw)
    return np.asarray(through.cumsum(axis=-1) - through)
