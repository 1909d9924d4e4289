"""The members of an ensemble: what is fitted for each, and the attributes made of it."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from statistics import fmean
from typing import Any, Self, TypedDict

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklstm._estimator.hyper_parameters import HyperParameters
from sklstm._training.training import History

_MAX_SEED = np.iinfo(np.int32).max


class Member(TypedDict):
    """One network of an ensemble, never changed in place; training makes another one.

    A dict of plain values, so that a fitted estimator can be stored in any format.
    """

    seed: int | None  # None: that of the estimator
    theta: NDArray  # (n_parameters,)
    n_iter: int
    t: int  # minibatches
    loss_curve: list[float]
    validation_scores: list[float]
    optimizer_state: list[Any]  # only after partial_fit


def new_member(theta: NDArray, seed: int | None) -> Member:
    """Return a member before its training."""
    return Member(
        seed=seed, theta=theta, n_iter=0, t=0, loss_curve=[], validation_scores=[],
        optimizer_state=[],
    )  # fmt: skip


def trained_member(
    member: Member, theta: NDArray, history: History, n_batches: int, incremental: bool
) -> Member:
    """Return a member after a training, whose history goes on if it is incremental."""
    return Member(
        seed=member["seed"],
        theta=theta,
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


class Members(HyperParameters):
    """The attributes of a fitted estimator that come from its members."""

    _members: list[Member]  # replaced, never changed in place

    def _fitted_members(self) -> list[Member]:
        """Return the members, or raise an error if there are none yet."""
        check_is_fitted(self)
        return self._members

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_members")

    @property
    def estimators_(self) -> list[Self]:
        """Each member as a fitted estimator of its own; training one leaves the ensemble alone."""
        return [self._alone(member) for member in self._fitted_members()]

    def _alone(self, member: Member) -> Self:
        """Return a member as an estimator, which shares all arrays with the ensemble."""
        alone = copy.copy(self)
        alone.n_estimators, alone._members = 1, [member]
        if member["seed"] is not None:
            alone.random_state = member["seed"]
        return alone

    @property
    def theta_(self) -> NDArray:
        """All trained parameters (n_parameters,), or a row of them for each of several members."""
        thetas = [member["theta"] for member in self._fitted_members()]
        return thetas[0] if len(thetas) == 1 else np.stack(thetas)

    @theta_.setter
    def theta_(self, theta: NDArray) -> None:
        members, theta = self._fitted_members(), np.asarray(theta)
        if theta.shape != (shape := self.theta_.shape):
            raise ValueError(f"theta_ has the shape {shape}, not {theta.shape}.")
        rows = [theta] if len(members) == 1 else theta
        self._members = [
            {**member, "theta": row} for member, row in zip(members, rows, strict=True)
        ]

    @property
    def n_iter_(self) -> int:
        """Epochs that were run, by the member that took the most."""
        return max(member["n_iter"] for member in self._fitted_members())

    @property
    def t_(self) -> int:
        """Minibatches that were seen, by the member that took the most."""
        return max(member["t"] for member in self._fitted_members())

    @property
    def loss_(self) -> float:
        """Mean loss of the last epoch."""
        curves = [member["loss_curve"] for member in self._fitted_members()]
        return fmean(curve[-1] if curve else math.nan for curve in curves)

    @property
    def loss_curve_(self) -> list[float]:
        """Mean loss of every epoch."""
        return _mean_by_epoch(member["loss_curve"] for member in self._fitted_members())

    @property
    def validation_scores_(self) -> list[float] | None:
        """Score on the validation set after every epoch, the mean over the members."""
        members = self._fitted_members()
        return _mean_by_epoch(member["validation_scores"] for member in members) or None

    @property
    def best_validation_score_(self) -> float | None:
        """The best score on the validation set, the mean over the members."""
        scores = [member["validation_scores"] for member in self._fitted_members()]
        best = [max(curve) for curve in scores if curve]
        return fmean(best) if best else None


def _mean_by_epoch(curves: Iterable[Sequence[float]]) -> list[float]:
    """Return the mean of curves, epoch by epoch, over those that reach the epoch."""
    return [
        fmean(value for value in values if value is not None) for values in zip_longest(*curves)
    ]
