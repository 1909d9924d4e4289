"""The networks of a model, each trained for as many rounds as the hold-out says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.anchored import Anchored, repeated_beyond
from sklstm._forecasting.branch import Branch
from sklstm._forecasting.candidates import BRANCHES, DRIVERS, NETWORKS, with_network
from sklstm._forecasting.correction import Correction, Corrector
from sklstm._forecasting.driver_network import DriverCorrector
from sklstm._forecasting.hold_out import HoldOut
from sklstm._forecasting.settings import ModelSettings, NetworkSettings

_MAX_EPOCHS = 20  # passes over the windows, about: a network soon knows short series by heart


@dataclass
class Networks:
    """Networks by name (see `NETWORKS`); there is none if training did not help."""

    correctors: dict[str, Corrector] = field(default_factory=dict)
    chosen_steps: dict[str, int] = field(default_factory=dict)  # 0: no network
    loss_curves: dict[str, list[float]] = field(default_factory=dict)

    def train(
        self,
        name: str,
        past: Anchored,
        full: Anchored,
        hold_out: HoldOut,
        seed: int,
        n_threads: int,
        after_round: Callable[[], object],
    ) -> NDArray[np.float64]:
        """Train the network of a branch; return its errors (n_origins, horizon) on the hold-out.

        It is trained on the past, to find the best number of rounds, then from the start on all
        data.
        """
        settings, branch = past.settings, _branch(past, name)
        anchor = past.anchors()[corrected_by(NETWORKS[name], settings)]
        corrector = _corrector(branch, name, settings, seed)
        errors = hold_out.errors(anchor)  # before the first round
        means = [hold_out.mean_over_series(hold_out.mean(errors))]

        def look(correct: Correction) -> None:
            def corrected(series: NDArray, origins: NDArray, horizon: int) -> NDArray:
                correction = correct(series, origins)
                forecast = anchor(series, origins, horizon)
                return forecast + repeated_beyond(correction, horizon, settings.lag)

            nonlocal errors
            of_round = hold_out.errors(corrected)
            means.append(hold_out.mean_over_series(hold_out.mean(of_round)))
            if int(np.argmin(means)) == len(means) - 1:
                errors = of_round
            after_round()

        network = corrector.settings
        corrector.fit(branch, _n_rounds(branch, network), n_threads, look)
        best = int(np.argmin(means))
        self.chosen_steps[name] = best * network.steps_per_round
        if best:
            final = _branch(full, name)
            self.correctors[name] = corrector.fit(final, best, n_threads, lambda _: after_round())
        self.loss_curves[name] = corrector.loss_curve
        return errors

    def corrected(
        self, anchored: Anchored, origins: NDArray, anchors: dict[str, NDArray[np.float64]]
    ) -> dict[str, NDArray[np.float64]]:
        """Correct the anchors' forecasts (n_series, horizon) from one origin of each series.

        The answer is by candidate; without a network it is the forecast of the anchor itself.
        """
        settings, series, out = anchored.settings, np.arange(anchored.n_series), {}
        for name, candidate in NETWORKS.items():
            forecast = anchors[corrected_by(candidate, settings)]
            if name in self.correctors:
                horizon, branch = forecast.shape[1], _branch(anchored, name)
                correction = self.correctors[name].predict(branch, series, origins, horizon)
                forecast = forecast + repeated_beyond(correction, horizon, settings.lag)
            out[candidate] = forecast
        return out


def _branch(anchored: Anchored, name: str) -> Branch:
    """Return what a network learns from: the bare trend, if it sees exogenous variables."""
    return anchored.bare_branch("trend") if name == "X" else anchored.network_branch(name)


def corrected_by(candidate: str, settings: ModelSettings) -> str:
    """Return which candidate the network of another one corrects."""
    if candidate == DRIVERS:
        return "trend"
    return next(
        settings.corrected_by_network(branch)
        for branch in BRANCHES
        if with_network(branch) == candidate
    )


def _corrector(branch: Branch, name: str, settings: ModelSettings, seed: int) -> Corrector:
    """Return a network that is not trained yet."""
    n_features = branch.features.shape[1]
    if name != "X":
        return Corrector(
            settings.network, settings.skip_connection, branch.window, n_features, seed
        )
    assert branch.drivers is not None
    n_drivers = branch.drivers.values.shape[1]
    return DriverCorrector(settings.sees_drivers, branch.window, n_features, n_drivers, seed)


def _n_rounds(branch: Branch, network: NetworkSettings) -> int:
    """Return the number of rounds: those wanted, but not too many passes over few windows."""
    n_windows = int(branch.n_origins().sum())
    enough = round(_MAX_EPOCHS * n_windows / network.batch_size / network.steps_per_round)
    return min(network.max_steps // network.steps_per_round, enough)
