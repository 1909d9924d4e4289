"""What the user may set about a model, and the defaults that depend on the data."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from sklstm._forecasting.candidates import with_linear_map
from sklstm.components.attention import ATTENTIONS, SelfAttention
from sklstm.components.component import resolve

# of the parameters of an LSTMForecaster
CONSTRAINTS: dict[str, Any] = {
    "horizon": [Interval(Integral, 1, None, closed="left"), None],
    "season_length": [
        StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), "array-like", None
    ],
    "log": ["boolean", StrOptions({"auto"})],
    "calendar": [list, tuple],
    "past_columns": [list, tuple],
    "missing": [StrOptions({"error", "interpolate"})],
    "freq": "no_validation",
    "non_negative": ["boolean"],
    "id_col": "no_validation",
    "time_col": "no_validation",
    "target_col": "no_validation",
    "global_model": ["boolean"],
    "window": [Interval(Integral, 2, None, closed="left"), None],
    "hidden_size": [Interval(Integral, 1, None, closed="left"), None],
    "num_layers": [Interval(Integral, 1, None, closed="left")],
    "attention": [StrOptions(set(ATTENTIONS)), SelfAttention, None],
    "max_steps": [Interval(Integral, 0, None, closed="left"), None],
    "batch_size": [Interval(Integral, 1, None, closed="left"), None],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither"), None],
    "learning_rate": [
        StrOptions({"auto", "constant", "cosine", "one_cycle", "invscaling"})
    ],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "n_jobs": [None, Integral],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}  # fmt: skip

_LARGE_PANEL = 8  # number of series from which on a model has the settings of a large panel
_STEPS_PER_ROUND = 20
_LONGEST_LINEAR = 2880  # observations; the cost of a linear map grows with the square


@dataclass(frozen=True)
class NetworkSettings:
    """How a network is built and trained."""

    horizon: int
    hidden_size: int
    num_layers: int
    attention: SelfAttention | None
    batch_size: int
    max_steps: int
    steps_per_round: int  # training steps between two looks at the hold-out
    learning_rate_init: float
    learning_rate: str
    dropout: float
    alpha: float
    clip_norm: float | None


@dataclass(frozen=True)
class ModelSettings:
    """How a model is built: its seasons, its windows and its networks."""

    season_lengths: tuple[int, ...]  # candidates, the shortest first
    test_seasons: bool  # whether the data must confirm them
    log: bool | None  # None: decided for each series
    network: NetworkSettings
    sees_drivers: NetworkSettings  # of the network that sees exogenous variables
    window: int | None
    skip_connection: bool  # a linear map inside the network, from the window to the head

    @classmethod
    def chosen(
        cls,
        parameters: Any,
        horizon: int,
        season_lengths: tuple[int, ...],
        test_seasons: bool,
        n_series: int,
    ) -> ModelSettings:
        """Take the parameters of an LSTMForecaster; fill in those left open, for n_series."""
        large = n_series >= _LARGE_PANEL

        def choose(name: str, small_panel: Any, large_panel: Any) -> Any:
            given = getattr(parameters, name)
            if given is not None and given != "auto":
                return given
            return large_panel if large else small_panel

        max_steps = int(choose("max_steps", 200, 300))
        hidden_size = int(choose("hidden_size", 32, 64))
        network = NetworkSettings(
            horizon=horizon,
            hidden_size=hidden_size,
            num_layers=int(parameters.num_layers),
            attention=_attention(parameters.attention, hidden_size),
            batch_size=int(choose("batch_size", 32, 256)),
            max_steps=max_steps,
            steps_per_round=min(_STEPS_PER_ROUND, max(max_steps, 1)),
            learning_rate_init=float(choose("learning_rate_init", 2e-3, 4e-3)),
            learning_rate=choose("learning_rate", "constant", "cosine"),
            dropout=float(parameters.dropout),
            alpha=float(parameters.alpha),
            clip_norm=parameters.clip_norm,
        )
        # every step of the horizon is a target of its own, from which to learn more, faster
        sees_drivers = replace(
            network,
            attention=None,
            max_steps=max_steps if parameters.max_steps is not None else 2 * max_steps,
            learning_rate_init=float(choose("learning_rate_init", 1e-2, 1e-2)),
        )
        return cls(
            season_lengths=season_lengths,
            test_seasons=test_seasons,
            log=None if isinstance(parameters.log, str) else bool(parameters.log),
            network=network,
            sees_drivers=sees_drivers,
            window=None if parameters.window is None else int(parameters.window),
            skip_connection=large,
        )

    @property
    def horizon(self) -> int:
        """Number of steps that the networks learn to forecast."""
        return self.network.horizon

    @property
    def trains_networks(self) -> bool:
        """Whether there are networks at all."""
        return self.network.max_steps > 0

    @property
    def lag(self) -> int:
        """The shortest season; 1 without a season."""
        return self.season_lengths[0] if self.season_lengths else 1

    def window_length(self) -> int:
        """Return how many observations the network reads."""
        if self.window is not None:
            return self.window
        m, enough = self.lag, math.ceil(1.25 * self.horizon)
        if m == 1:
            return max(8, enough)
        return max(2 * m, enough) if m <= 12 else max(2 * m, self.horizon)

    def linear_windows(self) -> tuple[int, ...]:
        """Return how many observations the linear map may read, from few to many."""
        longest = max(self.season_lengths, default=1)
        windows = self.window_length(), max(longest, self.window_length())
        return min(windows[0], _LONGEST_LINEAR), min(windows[1], _LONGEST_LINEAR)

    def corrected_by_network(self, branch: str) -> str:
        """Return the candidate that the network of a branch corrects.

        It includes the linear map, unless the network has a skip connection: on panels of short
        series such a network does better on the bare anchor.
        """
        return branch if self.skip_connection else with_linear_map(branch)


def _attention(choice: str | SelfAttention | None, hidden_size: int) -> SelfAttention | None:
    """Return the attention of the networks, a copy; raise an error if it cannot be."""
    if choice is None:
        return None
    attention = copy.copy(resolve(choice, ATTENTIONS))
    if hidden_size % attention.n_heads:
        raise ValueError(attention.misfit(hidden_size, f"hidden_size={hidden_size}"))
    return attention


def default_horizon(season_lengths: tuple[int, ...]) -> int:
    """Return the horizon when the user sets none: a season, but neither too short nor too long."""
    m = season_lengths[0] if season_lengths else 1
    if m == 1:
        return 6
    return min(m, 48) if m >= 12 else 2 * m
