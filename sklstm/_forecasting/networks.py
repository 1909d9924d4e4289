"""The networks of a model, each trained for as many rounds as the hold-out says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.anchored import Anchored, repeated_beyond
from sklstm._forecasting.branch import Branch
from sklstm._forecasting.candidates import BRANCHES
from sklstm._forecasting.correction import Correction, Corrector
from sklstm._forecasting.hold_out import HoldOut
from sklstm._forecasting.settings import NetworkSettings

_MAX_EPOCHS = 20  # passes over the windows: a network soon knows short series by heart


@dataclass
class Networks:
    """Networks by the branch that each corrects; a branch has none if training did not help."""

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
        """Train the network of a branch; return its errors (n_series,) on the hold-out.

        It is trained on the past, to find the best number of rounds, then from the start on all
        data.
        """
        settings, branch = past.settings, past.network_branch(name)
        anchor = past.anchors()[settings.corrected_by_network(name)]
        corrector = Corrector(
            settings.network,
            settings.skip_connection,
            branch.window,
            branch.features.shape[1],
            seed,
        )
        errors = [hold_out.error(anchor)]  # before the first round

        def look(correct: Correction) -> None:
            def corrected(series: NDArray, origins: NDArray, horizon: int) -> NDArray:
                correction = correct(series, origins)
                forecast = anchor(series, origins, horizon)
                return forecast + repeated_beyond(correction, horizon, settings.lag)

            errors.append(hold_out.error(corrected))
            after_round()

        corrector.fit(branch, _n_rounds(branch, settings.network), n_threads, look)
        best = int(np.argmin([hold_out.mean_over_series(of_round) for of_round in errors]))
        self.chosen_steps[name] = best * settings.network.steps_per_round
        if best:
            final = full.network_branch(name)
            self.correctors[name] = corrector.fit(final, best, n_threads, lambda _: after_round())
        self.loss_curves[name] = corrector.loss_curve
        return errors[best]

    def corrected(
        self, anchored: Anchored, origins: NDArray, anchors: dict[str, NDArray[np.float64]]
    ) -> dict[str, NDArray[np.float64]]:
        """Correct the anchors' forecasts (n_series, horizon) from one origin of each series.

        The answer is by branch; without a network it is the forecast of the anchor itself.
        """
        settings, series, out = anchored.settings, np.arange(anchored.n_series), {}
        for name in BRANCHES:
            out[name] = anchors[settings.corrected_by_network(name)]
            if name in self.correctors:
                branch = anchored.network_branch(name)
                correction = self.correctors[name].predict(branch, series, origins)
                horizon = out[name].shape[1]
                out[name] = out[name] + repeated_beyond(correction, horizon, settings.lag)
        return out


def _n_rounds(branch: Branch, network: NetworkSettings) -> int:
    """Return the number of rounds: those wanted, but not too many passes over few windows."""
    n_windows = int(branch.n_origins().sum())
    steps = min(network.max_steps, _MAX_EPOCHS * n_windows / network.batch_size)
    return round(steps / network.steps_per_round)
