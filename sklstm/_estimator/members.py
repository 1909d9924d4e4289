"""The members of an ensemble: what is kept of each, and the attributes made of it."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from statistics import fmean
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from sklstm._training.training import History

_MAX_SEED = np.iinfo(np.int32).max


class Member(TypedDict):
    """What is kept of one network beside its parameters; never changed in place.

    A dict of plain values, so that a fitted estimator can be stored in any format.
    """

    seed: int | None  # None: that of the estimator
    n_iter: int
    t: int  # minibatches
    loss_curve: list[float]
    validation_scores: list[float]
    optimizer_state: list[Any]  # only after partial_fit


def new_member(seed: int | None) -> Member:
    """Return a member before its training."""
    return Member(seed=seed, n_iter=0, t=0, loss_curve=[], validation_scores=[], optimizer_state=[])


def trained_member(member: Member, history: History, n_batches: int, incremental: bool) -> Member:
    """Return a member after a training, whose history goes on if it is incremental."""
    return Member(
        seed=member["seed"],
        n_iter=history.n_epochs + (member["n_iter"] if incremental else 0),
        t=member["t"] + history.n_epochs * n_batches,
        loss_curve=(member["loss_curve"] if incremental else []) + history.loss_curve,
        validation_scores=list(history.validation_scores),
        optimizer_state=[],
    )


def member_seeds(rng: np.random.RandomState, n_members: int) -> list[int | None]:
    """Return the seed of each member, without a draw from `rng`.

    The first member uses `rng` itself, as a single network does. The seeds of the others depend
    on the state of `rng`, but not on how many they are.
    """
    if n_members == 1:
        return [None]
    return [None, *copy.deepcopy(rng).randint(_MAX_SEED, size=n_members - 1).tolist()]


def fitted_attributes(thetas: Sequence[NDArray], members: list[Member]) -> dict[str, Any]:
    """Return the attributes of an estimator with these parameters (n_parameters,) and members."""
    curves = [member["loss_curve"] for member in members]
    scores = [member["validation_scores"] for member in members]
    best = [max(curve) for curve in scores if curve]
    theta = thetas[0] if len(thetas) == 1 else np.stack(thetas)
    theta.flags.writeable = False  # predictions would not notice a change in it
    return {
        "theta_": theta,
        "n_iter_": max(member["n_iter"] for member in members),
        "t_": max(member["t"] for member in members),
        "loss_": fmean(curve[-1] if curve else math.nan for curve in curves),
        "loss_curve_": _mean_by_epoch(curves),
        "validation_scores_": _mean_by_epoch(scores) or None,
        "best_validation_score_": fmean(best) if best else None,
        "_members": members,
    }


def _mean_by_epoch(curves: Iterable[Sequence[float]]) -> list[float]:
    """Return the mean of curves, epoch by epoch, over those that reach the epoch."""
    return [
        fmean(value for value in values if value is not None) for values in zip_longest(*curves)
    ]
