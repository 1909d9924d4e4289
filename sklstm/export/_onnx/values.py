"""What the graph of a regressor gives: values, and what the loss says beside them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklstm._kernels.losses import SMALLEST_VARIANCE
from sklstm.components.distributions import Gaussian
from sklstm.components.losses import Quantile
from sklstm.components.survival import Survival
from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.graph import Graph


def values(graph: Graph, model: FittedModel, raws: list[str]) -> dict[str, str]:
    """Return "variable", what ``predict`` gives, and "std", "quantiles" or "survival" by the loss.

    raws: see `outputs.decoded`
    """
    loss = model.regression_loss
    scale, mean = model.estimator.target_scale_, model.estimator.target_mean_
    if isinstance(loss, Gaussian):
        return _gaussian(graph, raws, scale, mean)
    if isinstance(loss, Quantile) and loss.n_columns > 1:
        return _quantiles(graph, model, loss, mean_of(graph, raws))
    if isinstance(loss, Survival):
        return _survival(graph, raws, loss)
    if loss.link == "log":
        raws = [graph.add("Exp", raw) for raw in raws]
    return {"variable": _in_units(graph, mean_of(graph, raws), scale, mean)}


def mean_of(graph: Graph, values: list[str]) -> str:
    """Return the mean of the members."""
    return values[0] if len(values) == 1 else graph.add("Mean", *values)


def _in_units(graph: Graph, value: str, scale: NDArray, mean: NDArray) -> str:
    """Return values in the units of y."""
    scaled = graph.add("Mul", value, scale.astype(np.float32))
    return graph.add("Add", scaled, mean.astype(np.float32))


def _gaussian(graph: Graph, raws: list[str], scale: NDArray, mean: NDArray) -> dict[str, str]:
    """Return means and standard deviations; of an ensemble those of the mixture."""
    of_means, of_logarithms = 2 * np.arange(len(scale)), 2 * np.arange(len(scale)) + 1
    means = [graph.add("Gather", raw, of_means, axis=-1) for raw in raws]
    logarithms = [graph.add("Gather", raw, of_logarithms, axis=-1) for raw in raws]
    spreads = [graph.add("Exp", graph.add("Add", each, each)) for each in logarithms]
    value, spread = mean_of(graph, means), spreads[0]
    if len(raws) > 1:
        apart = [graph.add("Sub", own, value) for own in means]
        squares = [graph.add("Mul", each, each) for each in apart]
        pairs = zip(spreads, squares, strict=True)
        spread = mean_of(graph, [graph.add("Add", *pair) for pair in pairs])
    deviation = graph.add("Sqrt", graph.add("Add", spread, np.float32(SMALLEST_VARIANCE)))
    return {
        "variable": _in_units(graph, value, scale, mean),
        "std": graph.add("Mul", deviation, scale.astype(np.float32)),
    }


def _quantiles(graph: Graph, model: FittedModel, loss: Quantile, raw: str) -> dict[str, str]:
    """Return the median, and the quantiles in order, (n_samples, [n_timesteps,] n_outputs, n)."""
    estimator = model.estimator
    keep = (0, 0) if model.spec.per_step else (0,)
    columns = graph.reshape(raw, *keep, len(estimator.target_scale_), loss.n_columns)
    n_columns = np.array([loss.n_columns], np.int64)
    ordered, _ = graph.add_all(
        "TopK", columns, n_columns, names=(graph.name("TopK"), graph.name("TopK")),
        axis=-1, largest=0, sorted=1,
    )  # fmt: skip
    scale, mean = estimator.target_scale_[:, np.newaxis], estimator.target_mean_[:, np.newaxis]
    ordered = _in_units(graph, ordered, scale, mean)
    median = graph.add("Gather", ordered, np.array([loss.place]), axis=-1)
    return {
        "variable": graph.add("Squeeze", median, np.array([-1])),
        "quantiles": graph.add("Gather", ordered, np.array(loss.places), axis=-1),
    }


def _survival(graph: Graph, raws: list[str], loss: Survival) -> dict[str, str]:
    """Return the expected time, and the survival at the end of each interval, (n_samples, n)."""
    through = [graph.add("Neg", graph.add("Softplus", raw)) for raw in raws]
    logarithms = [graph.add("CumSum", each, np.int64(-1)) for each in through]
    curve = mean_of(graph, [graph.add("Exp", each) for each in logarithms])
    area = graph.add("MatMul", curve, loss.widths[:, np.newaxis].astype(np.float32))
    first = np.float32(loss.ends[0] / 2.0)
    return {"variable": graph.add("Add", area, first), "survival": curve}
