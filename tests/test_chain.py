"""What a Gaussian chain of steps foretells of gaps: weights, sweeps and the way back."""

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMRegressor
from sklstm._input.chain import _weights
from sklstm._input.filling import chain_sweeps
from sklstm.inspection import input_gradients
from tests import reference
from tests.toy import SMALL, raw

STEP = np.array([[0.8, 0.1, 0.0], [-0.3, 0.5, 0.2], [0.0, 0.6, 0.4]])
NOISE = 0.3
LEVEL, UNIT = np.array([2.0, 0.0, -5.0]), np.array([3.0, 1.0, 0.1])
QUICK = SMALL | {"max_iter": 1, "missing": "mask"}


def covariance_of_a_step():
    """Return the covariance (3, 3) of x_t = STEP @ x_{t-1} + noise."""
    covariance = np.eye(3)
    for _ in range(200):
        covariance = STEP @ covariance @ STEP.T + NOISE * np.eye(3)
    return covariance


def chains(n_samples, n_timesteps=12, share=0.4):
    """Return sequences of such a chain, and the same with a share of the values removed."""
    rng, root = np.random.default_rng(0), np.linalg.cholesky(covariance_of_a_step())
    x = np.empty((n_timesteps, n_samples, 3))
    x[0] = rng.standard_normal((n_samples, 3)) @ root.T
    for t in range(1, n_timesteps):
        x[t] = x[t - 1] @ STEP.T + np.sqrt(NOISE) * rng.standard_normal((n_samples, 3))
    X = LEVEL + UNIT * x.transpose(1, 0, 2)
    return X, list(np.where(rng.random(X.shape) < share, np.nan, X))


def expected(z, within, step):
    """Return z (n_timesteps, n) with its gaps as the joint distribution of all steps says.

    within (n, n): covariance of a step; step (n, n): x_t is step @ x_{t-1} and noise
    """
    n_steps = len(z)
    power = [np.linalg.matrix_power(step, k) for k in range(n_steps)]
    joint = np.block(
        [
            [power[t - s] @ within if s <= t else within @ power[s - t].T for s in range(n_steps)]
            for t in range(n_steps)
        ]
    )
    filled, gap = z.flatten(), np.isnan(z).ravel()
    there = joint[np.ix_(~gap, ~gap)]
    filled[gap] = joint[np.ix_(gap, ~gap)] @ np.linalg.solve(there, filled[~gap])
    return filled.reshape(z.shape)


def test_many_sweeps_give_the_expectation_of_the_joint_distribution():
    covariance = covariance_of_a_step()
    units = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    within, between = covariance / units, covariance @ STEP.T / units
    weights = _weights(within.copy(), between)
    within, between = 0.95 * within + 0.05 * np.eye(3), 0.95 * between  # a share of noise
    z = np.random.default_rng(0).standard_normal((6, 3))
    z[[0, 0, 1, 2, 3, 4, 5], [0, 2, 1, 2, 0, 1, 1]] = np.nan
    sweeps = chain_sweeps(weights)
    sweeps = np.concatenate([sweeps, np.repeat(sweeps[-1:], 300, axis=0)])
    np.testing.assert_allclose(
        reference.expect(z, np.zeros(3), np.ones(3), weights, sweeps),
        expected(z, within, np.linalg.solve(within, between).T),
        rtol=1e-7, atol=1e-9,
    )  # fmt: skip


def test_fit_learns_what_channels_foretell():
    """As good as the expectation by the true distribution, where lines are worse than it."""
    complete, X = chains(200)
    model = LSTMRegressor(**QUICK).fit(X, np.arange(200.0))
    weights, center, scale = model._chain_weights, model.channel_mean_, model.channel_scale_
    errors, covariance = np.zeros(3), covariance_of_a_step()
    for whole, x in zip(complete, X, strict=True):
        gap = np.isnan(x)
        for k, sweeps in enumerate((chain_sweeps(weights), np.empty((0, 2)))):
            filled = reference.expect(x, center, scale, weights, sweeps) * scale + center
            errors[k] += (((filled - whole) / UNIT)[gap] ** 2).sum()
        filled = expected((x - LEVEL) / UNIT, covariance, STEP)
        errors[2] += ((filled - (whole - LEVEL) / UNIT)[gap] ** 2).sum()
    of_chain, of_lines, at_best = errors
    assert of_chain < 1.05 * at_best
    assert of_lines > 1.3 * at_best


@pytest.mark.parametrize("missing", ["mask", "decay"])
def test_weights_count_as_copies_in_what_gaps_are_filled_with(missing, monkeypatch):
    monkeypatch.setattr("sklstm._input.chain._PAIRS_OF_GUESS", 0.0)  # copies are no evidence
    X, y, weight = chains(24)[1], np.arange(24.0), np.arange(24) % 4 + 1
    settings = QUICK | {"missing": missing}
    weighted = LSTMRegressor(**settings).fit(X, y, sample_weight=weight)
    of_copies = np.repeat(np.arange(24), weight)
    copies = LSTMRegressor(**settings).fit([X[k] for k in of_copies], y[of_copies])
    once = LSTMRegressor(**settings).fit(X, y)
    learned = "_chain_weights" if missing == "mask" else "decay_rates_"
    np.testing.assert_allclose(getattr(weighted, learned), getattr(copies, learned), rtol=1e-9)
    assert not np.allclose(getattr(weighted, learned), getattr(once, learned), rtol=1e-3)


@pytest.mark.parametrize("unit", [1e-200, 1 / 24, 1e200])
def test_the_unit_of_weights_is_no_matter(unit):
    X, y, weight = chains(24)[1], np.arange(24.0), np.arange(24) % 4 + 1.0
    expected = LSTMRegressor(**QUICK).fit(X, y, sample_weight=weight)
    model = LSTMRegressor(**QUICK).fit(X, y, sample_weight=unit * weight)
    np.testing.assert_allclose(model._chain_weights, expected._chain_weights, rtol=1e-9)


@pytest.mark.parametrize("settings", [{"time_gaps": True}, {"bidirectional": False}], ids=str)
def test_with_times_or_without_looking_ahead_there_is_no_chain(settings):
    X = np.concatenate(chains(24)[1])
    index = pd.MultiIndex.from_product([range(24), range(12)])
    model = LSTMRegressor(**QUICK, scale="channel", **settings)
    assert model.fit(pd.DataFrame(X, index=index), np.arange(24.0))._chain_weights is None


@pytest.mark.parametrize("differ", ["in level", "in size"])
def test_sequences_that_differ_have_no_chain(differ):
    """The mean of all says little about one of them: neighbours alone count."""
    X = [(x - LEVEL) / UNIT for x in chains(24)[1]]
    alike = LSTMRegressor(**QUICK).fit(X, np.arange(24.0))
    assert alike._chain_weights is not None
    drawn = np.random.default_rng(1).standard_normal(24)
    X = [
        x + 9.0 * d if differ == "in level" else x * np.exp(d)
        for x, d in zip(X, drawn, strict=True)
    ]
    assert LSTMRegressor(**QUICK).fit(X, np.arange(24.0))._chain_weights is None


@pytest.mark.parametrize("scale", ["both", None])
def test_gradients_go_through_the_chain(scale):
    _, X = chains(24, 6)
    X[0][:, 2] = np.nan  # nothing of a channel
    model = LSTMRegressor(**QUICK | {"dtype": "float64", "scale": scale}).fit(X, np.arange(24.0))
    (gradient,) = input_gradients(model, X[:1])
    assert (gradient[np.isnan(X[0])] == 0.0).all()
    for step, channel in np.argwhere(~np.isnan(X[0])):
        ahead, back = X[0].copy(), X[0].copy()
        ahead[step, channel] += 1e-5 * UNIT[channel]
        back[step, channel] -= 1e-5 * UNIT[channel]
        slope = (raw(model, [ahead]) - raw(model, [back])).item() / (2e-5 * UNIT[channel])
        assert gradient[step, channel] == pytest.approx(slope, rel=1e-5, abs=1e-8)
