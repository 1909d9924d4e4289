"""A network on random ragged sequences, for the kernels and for their twins.

A `Problem` has the form that the twins take: torch's layout, sequences in any order.
`run_gradient` and `run_predict` convert it to the layout of the kernels, run them, and convert
the results back. Everything that a kernel must not read is NaN; what it must not write is checked.
"""

from types import SimpleNamespace

import numpy as np

from sklstm._input import sequences as _sequences
from sklstm._kernels.packing import unpack_gradient
from sklstm._kernels.simd import (
    aligned,
    lanes_of,
)
from sklstm._kernels.update import Places
from sklstm._network.chunk import Chunk, Masks, alone
from sklstm._network.network import Network
from sklstm._network.parameters import ParameterLayout
from sklstm._network.spec import NetworkSpec
from sklstm.components.cells import CELLS
from sklstm.components.losses import LOSSES, BinaryCrossEntropy, CrossEntropy, Linear, Quantile
from tests import reference

LENGTHS = (4, 1, 6, 6, 3)
SEED = 4_111_222_333  # of the noise
# by the names that the twins have for them
EVERY_LOSS = {
    "softmax": CrossEntropy, "sigmoid": BinaryCrossEntropy, "linear": Linear, "quantiles": Quantile,
    **LOSSES,
}  # fmt: skip
LOSS_PARAMETERS = {
    "huber": {"delta": 0.7}, "quantile": {"q": 0.8}, "quantiles": {"q": (0.2, 0.9)},
    "survival": {"n_intervals": 3}, "tweedie": {"power": 1.4},
}  # fmt: skip


def loss_of(name):
    """Return the loss by the name that the twins have for it."""
    return EVERY_LOSS[name](**LOSS_PARAMETERS.get(name, {}))


def targets_for(loss, rng, n_rows, n_targets):
    """Draw targets (n_rows, n_targets) that a loss can learn."""
    if loss == "gamma":
        return rng.exponential(size=(n_rows, n_targets))
    if loss in ("poisson", "tweedie"):
        return rng.poisson(1.0, (n_rows, n_targets)) / 2.0
    if loss == "survival":  # of 3 intervals, of which some are only known to be survived
        return rng.choice([-0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5], (n_rows, n_targets))
    return rng.standard_normal((n_rows, n_targets))


def network_spec(
    n_channels, hidden_size, num_layers, bidirectional, pooling, n_outputs, loss, cell="lstm",
    layer_norm=False, zoneout_h=0.0, zoneout_c=0.0, **further,
):  # fmt: skip
    """A network by the names of its cell and loss."""
    settings = {"layer_norm": True} if layer_norm else {}
    if zoneout_h or zoneout_c:
        settings["zoneout"] = (zoneout_h, zoneout_c) if CELLS[cell].has_memory else zoneout_h
    of_network = loss_of(loss)
    return NetworkSpec(
        n_channels=n_channels, cell=CELLS[cell](**settings).checked(), hidden_size=hidden_size,
        num_layers=num_layers, bidirectional=bidirectional, pooling=pooling,
        n_outputs=n_outputs * of_network.n_columns, loss=of_network, **further,
    )  # fmt: skip


class Problem:
    """Parameters, sequences, targets, states and masks of a network, drawn at random."""

    def __init__(
        self, seed=0, lengths=LENGTHS, n_channels=3, hidden_size=5, num_layers=1,
        bidirectional=False, pooling=("last",), n_outputs=3, loss="softmax", n_static=0,
        masks=False, cell="lstm", truncated=False, bptt_steps=0, front=(), branch=(),
        **further,
    ):  # fmt: skip
        rng = np.random.RandomState(seed)
        self.spec = network_spec(
            n_channels, hidden_size, num_layers, bidirectional, pooling, n_outputs, loss, cell,
            n_static=n_static, truncated=truncated, bptt_steps=bptt_steps, front=front,
            branch=branch, **further,
        )  # fmt: skip
        n_sequences, n_directions = len(lengths), self.spec.n_directions
        self.params = {
            name: rng.uniform(-0.7, 0.7, parameter.shape)
            for name, parameter in ParameterLayout(self.spec).parameters.items()
        }
        for name, parameter in self.params.items():
            if name.startswith("fcn_variance"):
                parameter += 1.0
        self.sequences = [rng.standard_normal((length, n_channels)) for length in lengths]
        # number of rows of each sequence that the head reads
        self.n_rows = [length if self.spec.per_step else 1 for length in lengths]
        n_rows = sum(self.n_rows)
        if loss == "softmax":
            self.target = rng.randint(0, n_outputs, (n_rows, 1)).astype(float)
        elif loss == "sigmoid":
            self.target = rng.randint(0, 2, (n_rows, n_outputs)).astype(float)
        else:
            self.target = targets_for(loss, rng, n_rows, n_outputs)
        self.static = rng.standard_normal((n_sequences, n_static))
        self.row_weight = rng.uniform(0.1, 0.5, n_rows)
        states = num_layers * n_directions, n_sequences, hidden_size
        self.h, self.c, self.dh, self.dc = rng.uniform(-0.5, 0.5, (4, *states))
        self.layer_masks = self.feature_mask = None
        if masks:
            steps = [-(-n // self.spec.stride) for n in lengths]
            between = [(max(num_layers - 1, 0), n, n_directions * hidden_size) for n in steps]
            self.layer_masks = [rng.randint(0, 2, shape) / 0.5 for shape in between]
            mask = rng.randint(0, 2, (n_rows, self.spec.n_pooled)) / 0.5
            self.feature_mask = self.by_sequence(mask) if self.spec.per_step else list(mask)

    @property
    def cell(self):
        """The cell by its name."""
        return next(name for name, cell in CELLS.items() if type(self.spec.cell) is cell)

    @property
    def loss(self):
        """The loss by its name."""
        return next(name for name, loss in EVERY_LOSS.items() if type(self.spec.loss) is loss)

    def by_sequence(self, rows):
        """Split the rows that the head reads into one array for each sequence."""
        return np.split(rows, np.cumsum(self.n_rows)[:-1])

    def gradient_by_twin(self, trained=True):
        """Return the result of `reference.network_gradient`; see `run_gradient`."""
        return reference.network_gradient(
            self.params, self.sequences, self.target, self.row_weight, self.spec.pooling,
            self.loss, self.spec.loss.kernel_parameters, self.h, self.c, self.dh, self.dc,
            self.static, self.layer_masks, self.feature_mask, self.cell,
            self.spec.truncated, self.spec.bptt_steps, self.spec.front, self.spec.branch,
            noise_of(self, drawn=trained), self.spec.encoder, self.spec.patch_size,
            running=not trained,
        )  # fmt: skip

    def prediction_by_twin(self):
        """Return the result of `reference.network_predict`."""
        return reference.network_predict(
            self.params, self.sequences, self.spec.pooling, self.h, self.c, self.static,
            cell=self.cell, front=self.spec.front, branch=self.spec.branch,
            noise=noise_of(self, drawn=False), encoder=self.spec.encoder,
            patch_size=self.spec.patch_size,
        )  # fmt: skip

    def subset(self, samples):
        """Return the same network with the given sequences only, in the given order."""
        part = object.__new__(Problem)
        part.spec, part.params = self.spec, self.params
        part.sequences = [self.sequences[n] for n in samples]
        part.n_rows = [self.n_rows[n] for n in samples]
        part.static = self.static[samples]
        for name in ("target", "row_weight"):
            rows = self.by_sequence(getattr(self, name))
            setattr(part, name, np.concatenate([rows[n] for n in samples]))
        for name in ("h", "c", "dh", "dc"):
            setattr(part, name, getattr(self, name)[:, samples])
        part.layer_masks = self.layer_masks and [self.layer_masks[n] for n in samples]
        part.feature_mask = self.feature_mask and [self.feature_mask[n] for n in samples]
        return part


def network_of(problem, dtype=np.float64, need_dx=False):
    """Return the network, with the parameters of the problem packed."""
    network = Network(problem.spec, dtype, need_dx)
    theta = np.empty(network.layout.size, dtype)
    for name, view in network.layout.views(theta).items():
        view[...] = problem.params[name]
    network.packed[:] = np.nan
    network.pack(theta)
    return network


class PackedBatch:
    """The position of each time step of each sequence in a packed batch."""

    def __init__(self, sequences, stride=1):
        """Lay out the sequences; each `stride` consecutive steps become one."""
        lengths = np.array([len(sequence) for sequence in sequences])
        self.order = np.argsort(-lengths, kind="stable")
        lengths = -(-lengths // stride)
        self.rank = np.argsort(self.order)  # row of each sequence within a step
        self.lengths = lengths[self.order]
        live = [(lengths > t).sum() for t in range(lengths.max())]
        self.starts = np.concatenate([[0], np.cumsum(live)])
        self.n_rows = int(self.starts[-1])

    def rows(self, n):
        """Return the rows of sequence n, in the order of its steps."""
        return self.starts[: self.lengths[self.rank[n]]] + self.rank[n]

    def pack(self, sequences, out):
        """Write the sequences to their rows of out."""
        for n, sequence in enumerate(sequences):
            out[self.rows(n)] = sequence
        return out


def pack_read(problem, batch, rows):
    """Sort the rows (n_rows, ...) that the head reads into the order of the kernels."""
    if not problem.spec.per_step:
        return rows[batch.order]
    return batch.pack(problem.by_sequence(rows), np.empty_like(rows))


def unpack_read(problem, batch, packed):
    """Undo `pack_read`."""
    if not problem.spec.per_step:
        return packed[batch.rank].copy()
    return np.concatenate([packed[batch.rows(n)] for n in range(len(problem.sequences))])


def noise_of(problem, drawn):
    """Return the noise for the twins: masks as in a packed batch if `drawn`, else expectations."""
    spec, batch = problem.spec, PackedBatch(problem.sequences)
    zoneout_h, zoneout_c = spec.cell.zoneout_rates
    if not any(spec.noise_rates):
        return None
    units = np.arange(spec.hidden_size)

    def mask(rate, kind, scan, rows):
        """Return the mask of the units in some rows."""
        apart = 0x9E3779B9 * (4 * scan + kind)
        return reference.kept(SEED + apart + np.add.outer(rows * spec.hidden_size, units), rate)

    def of_scan(n, scan):
        """Return the noise of sequence n in one scan."""
        rows = batch.rows(n)
        every = np.ones((len(rows), spec.hidden_size))
        if not drawn:
            return SimpleNamespace(
                update=every, state=every[0],
                zoneout_h=zoneout_h * every, zoneout_c=zoneout_c * every,
            )  # fmt: skip
        update, state = spec.recurrent_dropout, spec.variational_dropout
        return SimpleNamespace(
            update=mask(update, 0, scan, rows) / (1.0 - update),
            state=mask(state, 1, scan, batch.rank[n]) / (1.0 - state),
            zoneout_h=1.0 - mask(zoneout_h, 2, scan, rows),
            zoneout_c=1.0 - mask(zoneout_c, 3, scan, rows),
        )

    return [[of_scan(n, scan) for scan in range(len(problem.h))] for n in range(len(batch.lengths))]


def fill_up(states, hidden_size, n_hidden, value=0.0):
    """Pad the units of each block: (..., blocks * hidden_size) to (..., blocks * n_hidden)."""
    n_blocks = states.shape[-1] // hidden_size
    blocks = states.reshape(*states.shape[:-1], n_blocks, hidden_size)
    wide = np.full((*blocks.shape[:-1], n_hidden), value)
    wide[..., :hidden_size] = blocks
    return wide.reshape(*states.shape[:-1], n_blocks * n_hidden)


def _states(problem, network, work, names, n_sequences):
    """Return views (n_scans, n_sequences, n_hidden) of the states in the workspace, by name."""
    n_hidden = network.plan.n_hidden
    shape = len(problem.h), n_sequences, n_hidden
    size = int(np.prod(shape))
    starts = {name: getattr(work, name) for name in names}
    return {name: work.flat[at : at + size].reshape(shape) for name, at in starts.items()}


class ProbedChunk(Chunk):
    """A chunk that begins with the states of a problem, in buffers full of NaN."""

    def __init__(self, problem, network, batch, segment=None):
        super().__init__(network, segment)
        self.problem, self.batch = problem, batch

    def _prepare(self, *arguments, **keywords):
        super()._prepare(*arguments, **keywords)  # takes the room that it needs
        for stack in (self._front, self._branch):
            if stack is not None:
                stack._flat[:] = np.nan
        return super()._prepare(*arguments, **keywords)

    def workspace(self, *shape, keep):
        work = super().workspace(*shape, keep)
        names = ("h", "c", "dh", "dc") if keep else ("h", "c")
        n_sequences = len(self.batch.lengths)
        self.states = _states(self.problem, self.network, work, names, n_sequences)
        work.flat[:] = np.nan
        self.work = super().workspace(*shape, keep)
        hidden_size, n_hidden = self.problem.spec.hidden_size, self.network.plan.n_hidden
        for name, state in self.states.items():
            states = getattr(self.problem, name)[:, self.batch.order]
            state[:] = fill_up(states, hidden_size, n_hidden)
        return self.work

    def _room_for_dx(self, x, need_dx):
        room = super()._room_for_dx(x, need_dx)
        if room is x:
            return x
        self.guarded = np.full((len(room) + 1, room.shape[1]), np.nan, room.dtype)
        return self.guarded[:-1]


def _end(chunk):
    """raw and the states in the order of the problem."""
    problem, network, batch, work = chunk.problem, chunk.network, chunk.batch, chunk.work
    result = SimpleNamespace()
    n_outputs, width = problem.spec.n_outputs, lanes_of(network.dtype)
    n_filled = -(-n_outputs // width) * width
    n_read = network.n_read(batch.n_rows, len(batch.order))
    raw = work.flat[work.raw : work.raw + n_read * n_filled].reshape(-1, n_filled)
    result.raw = unpack_read(problem, batch, raw[:, :n_outputs])
    for name, state in chunk.states.items():
        states_of_units, filling = np.split(state, [problem.spec.hidden_size], axis=2)
        alive = np.isfinite(states_of_units).all(axis=2)
        np.testing.assert_array_equal(filling[alive], 0.0)  # padding units stay exactly 0
        setattr(result, name, states_of_units[:, batch.rank].copy())
    return result


def _feature_mask(problem, network, batch):
    """Return the dropout mask of the features, packed and padded."""
    if problem.feature_mask is None:
        return np.empty((0, 0), network.dtype)
    mask = pack_read(problem, batch, np.vstack(problem.feature_mask))
    wide = fill_up(mask, problem.spec.n_units, network.plan.n_hidden, 1.0)
    return wide.astype(network.dtype)


def run_gradient(
    problem, dtype=np.float64, segment=None, need_dx=True, repeat=1, trained=True, need_dw=True
):
    """Return the same as `reference.network_gradient`, computed by the kernels.

    trained: as in training, or as in prediction, with running statistics and expected noise
    segment: steps between two kept states; repeat: number of calls that add to the same gradient
    """
    network = network_of(problem, dtype, need_dx)
    batch = PackedBatch(problem.sequences)
    x = batch.pack(problem.sequences, np.empty((batch.n_rows, problem.spec.n_channels), dtype))
    together = network.together(1)[0] if trained else None
    chunks = aligned(3 * network.gradient_size, dtype).reshape(3, -1)
    chunks[:] = 0.0
    for _ in range(repeat):
        chunk = ProbedChunk(problem, network, batch, segment)
        gradient = chunk.gradient(
            _packed(problem, batch, x),
            pack_read(problem, batch, problem.target).astype(dtype),
            pack_read(problem, batch, problem.row_weight).astype(dtype),
            Masks(_layer_mask(problem, network), _feature_mask(problem, network, batch), SEED),
            together, chunks[1], need_dx, need_dw,
        )  # fmt: skip
        loss = alone(gradient)
    assert not chunks[[0, 2]].any()
    result = _end(chunk)
    theta_gradient = np.full(network.layout.size, np.nan, dtype)
    unpack_gradient(chunks[1:2], network.places.slopes, theta_gradient)
    result.loss, result.gradient = loss, network.layout.views(theta_gradient)
    if need_dx:
        assert np.isnan(chunk.guarded[-1]).all()
        np.testing.assert_array_equal(chunk.dx[:, problem.spec.n_channels :], 0.0)
        channels = chunk.dx[:, : problem.spec.n_channels]
        result.dx = [channels[batch.rows(n)] for n in range(len(problem.sequences))]
    else:
        np.testing.assert_array_equal(x, batch.pack(problem.sequences, np.empty_like(x)))
    return result


def _packed(problem, batch, x):
    """The sequences as the package packs them."""
    static = problem.static[batch.order].astype(x.dtype)
    return _sequences.PackedBatch(x, batch.starts, batch.lengths, static)


def _layer_mask(problem, network):
    """Masks between the layers, as the kernels read them."""
    if problem.layer_masks is None:
        return np.empty(0, network.dtype)
    hidden_size, n_hidden = problem.spec.hidden_size, network.plan.n_hidden
    wide = [fill_up(mask, hidden_size, n_hidden, 1.0) for mask in problem.layer_masks]
    steps = PackedBatch(problem.sequences, problem.spec.stride)
    shape = len(problem.layer_masks[0]), steps.n_rows, wide[0].shape[2]
    masks = np.empty(shape, network.dtype)
    for layer, mask in enumerate(masks):
        steps.pack([of_sequence[layer] for of_sequence in wide], mask)
    return masks.ravel()


def run_predict(problem, dtype=np.float64):
    """Return raw, final h and final c, computed by the kernels without dropout."""
    network = network_of(problem, dtype)
    batch = PackedBatch(problem.sequences)
    x = batch.pack(problem.sequences, np.empty((batch.n_rows, problem.spec.n_channels), dtype))
    chunk = ProbedChunk(problem, network, batch)
    chunk.predict(_packed(problem, batch, x))
    return _end(chunk)


def assert_close(actual, expected, rtol, name=""):
    """Check the largest error, relative to the largest value; NaN is never close."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, name
    error = np.abs(actual - expected).max(initial=0.0)
    size = np.abs(expected).max(initial=0.0)
    assert error <= rtol * size, f"{name}: error {error:.3g}, largest value {size:.3g}"


def assert_same_gradient(actual, expected, rtol):
    """Check loss, predictions, states and all gradients."""
    for name in ("loss", "raw", "h", "c", "dh", "dc"):
        assert_close(getattr(actual, name), getattr(expected, name), rtol, name)
    assert actual.gradient.keys() == expected.gradient.keys()
    for name, gradient in expected.gradient.items():
        assert_close(actual.gradient[name], gradient, rtol, name)
    assert_close(np.concatenate(actual.dx), np.concatenate(expected.dx), rtol, "dx")


def finite_difference(problem, exact, n_places=None, trained=True):
    """Yield name, numeric gradient and exact gradient of each array that the loss depends on.

    exact: result of `run_gradient`; n_places: number of elements to check in each array, or None
    for all
    """

    def value():
        """Return the loss, including the gradient that comes in through the final states."""
        now = run_gradient(problem, need_dx=False, trained=trained)
        return now.loss + (problem.dh * now.h).sum() + (problem.dc * now.c).sum()

    variables = [(name, array, exact.gradient[name]) for name, array in problem.params.items()]
    for n, x in enumerate(problem.sequences):
        variables.append((f"x of sequence {n}", x, exact.dx[n]))
    variables += [("dh", problem.h, exact.dh), ("dc", problem.c, exact.dc)]
    epsilon, rng = 1e-5, np.random.RandomState(0)
    for name, array, analytic in variables:
        places = list(np.ndindex(array.shape))
        if n_places is not None and n_places < len(places):
            places = [places[k] for k in rng.choice(len(places), n_places, replace=False)]
        numeric = np.empty(len(places))
        for k, place in enumerate(places):
            middle = array[place]
            array[place] = middle + epsilon
            above = value()
            array[place] = middle - epsilon
            numeric[k] = (above - value()) / (2 * epsilon)
            array[place] = middle
        yield name, numeric, analytic[tuple(np.array(places).T)]


def as_theta_is(runs, n_dense, dtype=np.float64):
    """Return what an optimiser needs of a network that packs its parameters as they are in theta.

    runs: see the optimisers
    """
    places, nowhere = np.arange(n_dense, dtype=np.uint32), np.empty(0, np.int64)
    return SimpleNamespace(
        places=Places(places, runs, places, nowhere, nowhere, 0),
        room=(np.zeros(n_dense + 1, dtype), np.empty(n_dense, dtype)),
    )
