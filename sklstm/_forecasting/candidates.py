"""The candidates by name: forecasts that are tried on the hold-out and then combined."""

from __future__ import annotations

from typing import NamedTuple


class Prior(NamedTuple):
    """Weight of a candidate where all errors on the hold-out are equal."""

    short: float  # in models of short series
    long: float  # in models of long series, which do without the candidates of weight 0


# A network corrects the forecast of a branch.
BRANCHES = ("trend", "season")

# The network that sees exogenous variables corrects the trend.
DRIVERS = "trend + LSTM of X"

# On short series one hold-out cannot show how much better the trend is, and several trends are
# better than one: the damped trend and the drift are in the units of the observations. On long the
# candidates with a linear map and the networks that correct them are much alike, and the networks
# were chosen by the same hold-out.
CANDIDATES = {
    "trend": Prior(short=2.0, long=1.0),
    "damped trend": Prior(short=1.0, long=0.0),
    "drift": Prior(short=1.0, long=0.0),
    "season": Prior(short=0.5, long=1.0),
    "long season": Prior(short=1.0, long=2.0),
    "trend + linear": Prior(short=0.5, long=0.5),
    "season + linear": Prior(short=0.5, long=0.5),
    "trend + LSTM": Prior(short=2.0, long=0.25),
    "season + LSTM": Prior(short=0.5, long=0.25),
    "trend + LSTM of X": Prior(short=2.0, long=2.0),
}


def with_linear_map(branch: str) -> str:
    """Return the name of a branch's candidate with the linear map."""
    return f"{branch} + linear"


def with_network(branch: str) -> str:
    """Return the name of a branch's candidate with the network."""
    return f"{branch} + LSTM"


# Candidates with a network, by the name of the network: a branch, or "X" if it sees exogenous
# variables.
NETWORKS = {branch: with_network(branch) for branch in BRANCHES} | {"X": DRIVERS}
