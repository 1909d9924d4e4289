"""The parameters of a network: what each array is, and where it stands in the vector theta."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from numpy.typing import DTypeLike, NDArray

from sklstm._network.spec import NetworkSpec
from sklstm.components.convolutions import ConvolutionLayer

# Draws the initial values of an array of a given shape.
Initial = Callable[[RandomState, tuple[int, ...]], NDArray]


@dataclass(frozen=True)
class Parameter:
    """One array of parameters.

    Arrays of one `group` are packed into one matrix for the kernels, each as its `part`: see
    `Network`.
    """

    name: str
    shape: tuple[int, ...]
    initial: Initial
    group: str
    part: str
    columns: tuple[str, ...] = ()  # of a recurrent array: those that read its blocks
    decays: bool = False  # whether weight decay acts on it


# --- initial values -------------------------------------------------------------------------
def _zeros(rng: RandomState, shape: tuple[int, ...]) -> NDArray:
    return np.zeros(shape)


def _ones(rng: RandomState, shape: tuple[int, ...]) -> NDArray:
    return np.ones(shape)


def _uniform(n: int) -> Initial:
    """Uniform in +-1/sqrt(n)."""
    bound = 1.0 / math.sqrt(n)
    return lambda rng, shape: rng.uniform(-bound, bound, shape)


def _xavier(rng: RandomState, shape: tuple[int, ...]) -> NDArray:
    """Uniform in +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010)."""
    return rng.uniform(-1.0, 1.0, shape) * math.sqrt(6.0 / sum(shape))


def _of_filters(rng: RandomState, shape: tuple[int, ...]) -> NDArray:
    """Uniform in +-1/sqrt(values that a filter reads)."""
    return rng.uniform(-1.0, 1.0, shape) / math.sqrt(math.prod(shape[1:]))


def _orthogonal(rng: RandomState, shape: tuple[int, ...]) -> NDArray:
    """An orthogonal square matrix for each gate (Saxe et al. 2013)."""
    n = shape[1]
    weight = np.empty(shape)
    for block in weight.reshape(-1, n, n):
        q, r = np.linalg.qr(rng.standard_normal((n, n)))
        # the signs make the distribution uniform over orthogonal matrices
        block[...] = q * np.sign(np.diag(r))
    return weight


def _vectors(rng: RandomState, shape: tuple[int, ...]) -> NDArray:
    """Standard normal, as torch's; zeros for what is unknown, in the first row."""
    table = rng.standard_normal(shape)
    table[0] = 0.0
    return table


# --- all arrays of a network ----------------------------------------------------------------
def parameters_of(spec: NetworkSpec) -> Iterator[Parameter]:
    """Yield the parameters of a network in their order in theta."""
    yield from _convolutions("conv", spec.front, spec.n_patched)
    yield from _recurrent(spec)
    yield from _convolutions("fcn", spec.branch, spec.n_channels)
    yield from _encoder(spec)
    if "attention" in spec.pooling:
        yield from _attention(spec.n_units, spec.n_states)
    weight = (spec.n_outputs, spec.n_features)
    yield Parameter("head_weight", weight, _uniform(weight[1]), "head", "weight", decays=True)
    start = spec.loss.initial_raw

    def constant(rng: RandomState, shape: tuple[int, ...]) -> NDArray:
        return np.resize(start, shape)

    yield Parameter("head_bias", (spec.n_outputs,), constant, "head", "bias")
    for k, table in enumerate(spec.embeddings):  # last: they are not packed
        yield Parameter(f"embedding_{k}", table, _vectors, "embeddings", "table", decays=True)


def _recurrent(spec: NetworkSpec) -> Iterator[Parameter]:
    """Yield the parameters of the recurrent layers; each scan is a group."""
    n_inputs = spec.n_inputs
    for layer, suffix in spec.scans:
        if layer > 0:
            n_inputs = spec.n_directions * spec.hidden_size
        yield from _scan(spec, f"l{layer}{suffix}", n_inputs)


def _scan(spec: NetworkSpec, group: str, n_inputs: int) -> Iterator[Parameter]:
    """Yield the parameters of one direction of one layer."""
    cell, n = spec.cell, spec.hidden_size
    uniform = _uniform(n)
    recurrent = _orthogonal if cell.recurrent_init == "orthogonal" else uniform
    reads, keeps, biases = cell.input_columns, cell.state_columns, (len(cell.columns) * n,)
    shape = (len(reads) * n, n_inputs)
    yield Parameter(f"weight_ih_{group}", shape, uniform, group, "input", reads, decays=True)
    shape = (len(keeps) * n, n)
    yield Parameter(f"weight_hh_{group}", shape, recurrent, group, "state", keeps, decays=True)

    def draw_bias(rng: RandomState, shape: tuple[int, ...]) -> NDArray:
        return cell.initial_bias(rng, n)

    yield Parameter(f"bias_{group}", biases, draw_bias, group, "bias", cell.columns)
    if cell.normalised:
        yield Parameter(f"gain_{group}", biases, _ones, group, "below", cell.columns)
    for kind, columns in cell.extra.items():
        shape = (len(columns), n)
        yield Parameter(f"{kind}_{group}", shape, uniform, group, "below", columns, decays=True)


def _encoder(spec: NetworkSpec) -> Iterator[Parameter]:
    """Yield the parameters of the encoder layers; each layer is a group."""
    if spec.encoder is None:
        return
    n, wide = spec.n_states, spec.encoder.n_wide(spec.n_states)
    maps = {
        "self_attn_in_proj": (3 * n, n),
        "self_attn_out_proj": (n, n),
        "linear1": (wide, n),
        "linear2": (n, wide),
    }
    for k in range(spec.encoder.n_layers):
        group = f"encoder_l{k}"
        for name, shape in maps.items():
            yield Parameter(f"{name}_weight_l{k}", shape, _xavier, group, name, decays=True)
            yield Parameter(f"{name}_bias_l{k}", shape[:1], _zeros, group, name)
        for name in ("norm1", "norm2"):
            yield Parameter(f"{name}_weight_l{k}", (n,), _ones, group, "norms")
            yield Parameter(f"{name}_bias_l{k}", (n,), _zeros, group, "norms")


def _attention(n: int, n_states: int) -> Iterator[Parameter]:
    """Yield W, b and v of additive attention."""
    group, weight = "attention", (n, n_states)
    yield Parameter("attention_weight", weight, _uniform(n_states), group, "weight", decays=True)
    yield Parameter("attention_bias", (n,), _zeros, group, "bias")
    yield Parameter("score_weight", (n,), _uniform(n), group, "score", decays=True)


def _convolutions(
    name: str, layers: tuple[ConvolutionLayer, ...], n_inputs: int
) -> Iterator[Parameter]:
    """Yield the parameters of convolutions one upon the other; each layer is a group."""
    for k, layer in enumerate(layers):
        group, n = f"{name}_l{k}", layer.n_filters
        widths = (layer.width, *layer.narrower)
        for j, width in enumerate(widths):
            shape = (n // len(widths), 1 if layer.dilation else n_inputs, width)
            kind = f"{name}_weight_l{k}" + (f"_{j}" if j else "")
            yield Parameter(kind, shape, _of_filters, group, "weight", decays=True)
        learned = {} if layer.activation == "identity" else {"bias": _zeros}
        if layer.normalised:
            learned = {"shift": _zeros, "scale": _ones, "mean": _zeros, "variance": _ones}
        for kind, initial in learned.items():
            yield Parameter(f"{name}_{kind}_l{k}", (n,), initial, group, kind)
        n_inputs = n
    if any(layer.normalised for layer in layers):
        yield Parameter(f"{name}_batches", (1,), _zeros, name, "batches")


class ParameterLayout:
    """Where each named parameter stands in the flat vector theta.

    Names, shapes and the order of the gates are torch's, with one bias where torch has two
    (its ``bias_ih + bias_hh``), and ``head_weight``, ``head_bias`` at the end. The GRU's bias
    has four blocks: r, z, and the two of n, which do not add up: torch's ``b_in``, ``b_hn``.
    ``weight_ch`` (3, hidden_size) holds the peepholes of i, f and o, and ``gain``, of the shape of
    the bias, the gains of layer normalisation. ``attention_weight``, ``attention_bias`` and
    ``score_weight`` are W, b and v of additive attention. Those of encoder layers have the names of
    torch's ``TransformerEncoderLayer``, with ``_`` for each dot.

    Convolutions are ``conv_`` before the recurrent layers and ``fcn_`` beside them, with weights
    (n_filters, n_inputs, width); filters of other widths in the same layer are ``_1`` and so on.
    Batch normalisation has scale, shift, and the running mean and
    variance, as torch's state has them: the latter and ``fcn_batches``, the number of
    minibatches that they are from, are no parameters, and their gradient is zero.

    ``embedding_0`` (n_categories + 1, size) holds the vectors of the first categorical channel, as
    torch's ``Embedding.weight``; its first row is for what is unknown.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        self.parameters = {parameter.name: parameter for parameter in parameters_of(spec)}
        self.offsets: dict[str, int] = {}
        self.size = 0
        for name, parameter in self.parameters.items():
            self.offsets[name] = self.size
            self.size += math.prod(parameter.shape)
        self.tables = spec.embeddings  # shapes of the tables of embeddings, which come last
        self.n_packed = self.size - sum(map(math.prod, self.tables))  # parameters before them

    def group(self, group: str) -> list[Parameter]:
        """Return the parameters that are packed together."""
        return [p for p in self.parameters.values() if p.group == group]

    def places(self, parameter: Parameter) -> NDArray[np.intp]:
        """Return where the elements of a parameter stand in theta, in the parameter's shape."""
        n = math.prod(parameter.shape)
        return self.offsets[parameter.name] + np.arange(n).reshape(parameter.shape)

    def views(self, theta: NDArray) -> dict[str, NDArray]:
        """Return the parameters by name, as views into theta or into a gradient."""
        views = {}
        for name, parameter in self.parameters.items():
            first = self.offsets[name]
            last = first + math.prod(parameter.shape)
            views[name] = theta[first:last].reshape(parameter.shape)
        return views

    def runs(self) -> NDArray[np.int64]:
        """Return the runs (n_runs, 4) of parameters outside of tables, see the solvers' kernels."""
        runs: list[list[int]] = []
        for name, parameter in self.parameters.items():
            first, size, decays = self.offsets[name], math.prod(parameter.shape), parameter.decays
            if first >= self.n_packed:
                break
            if runs and runs[-1][3] == decays:
                runs[-1][1] += size
            else:
                runs.append([first, size, first, decays])
        return np.array(runs, np.int64)

    def initial(self, rng: RandomState, dtype: DTypeLike = np.float64) -> NDArray:
        """Draw the initial parameters, (n_parameters,)."""
        theta = np.empty(self.size, dtype)
        for name, view in self.views(theta).items():
            view[...] = self.parameters[name].initial(rng, view.shape)
        return theta
