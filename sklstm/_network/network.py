"""A network in one precision: its plan for the kernels, and its parameters packed for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._input.sequences import PackedBatch
from sklstm._kernels.batch_norm import Together
from sklstm._kernels.convolution import ACTIVATIONS, Stack
from sklstm._kernels.embedding import NO_ROWS
from sklstm._kernels.gemm import gemm_address
from sklstm._kernels.layer_norm import LayerNorm
from sklstm._kernels.network import Plan
from sklstm._kernels.noise import Noise
from sklstm._kernels.readout import Attention, Final, Pooled, Steps
from sklstm._kernels.update import Places
from sklstm._network.embeddings import Embeddings, Touched
from sklstm._network.encoder import place_encoder
from sklstm._network.packing import Packing, filled
from sklstm._network.parameters import ParameterLayout
from sklstm._network.spec import NetworkSpec
from sklstm.components.convolutions import ConvolutionLayer

READY = np.ones(1, np.int64)  # the parameters are packed


class Network:
    """A network of one shape and dtype; parameters come and go as the flat vector theta.

    Each group of parameters is packed as a matrix whose rows meet the features that a kernel
    reads, with a column for each pre-activation: of a scan [W_h; W_x; b], and below what a cell
    or layer normalisation adds.
    """

    def __init__(self, spec: NetworkSpec, dtype: DTypeLike, need_dx: bool = False) -> None:
        self.spec = spec
        self.dtype = np.dtype(dtype)
        self.layout = ParameterLayout(spec)
        self._packing = Packing(self.layout, dtype)
        self.lanes = self._packing.lanes
        self.head_outputs = filled(spec.n_outputs, self.lanes)
        self.noisy = max(spec.noise_rates) > 0.0  # whether training draws masks inside the layers
        # the place in theta of the running mean of every statistic of a batch, (n_statistics,)
        self._running = np.empty(0, np.intp)
        self.embeddings = Embeddings(spec, self.layout.n_packed) if spec.embeddings else None
        self._tables = np.empty(0, dtype)  # of embeddings, one after another
        need_dx = need_dx or bool(spec.embeddings)
        self.front = self._stack("conv", spec.front, spec.n_patched, False, need_dx)
        self.branch = self._stack("fcn", spec.branch, spec.n_channels, True, need_dx)
        self.plan = self._plan(need_dx or self.front is not None)
        self._packing.close()
        # means and variances of batch normalisation, those that fill up vectors included
        self.n_statistics = len(self._running)
        used = np.flatnonzero(self._running < self.layout.size)
        self.places = Places(
            self._packing.slopes, self.layout.runs(), self._packing.sources,
            self._running[used], used, self.layout.offsets.get("fcn_batches", 0),
        )  # fmt: skip

    @property
    def packed(self) -> NDArray:
        """The parameters as the kernels read them."""
        return self._packing.packed

    @property
    def room(self) -> tuple[NDArray, NDArray]:
        """Where `update_parameters` packs the parameters."""
        return self._packing.extended, self._packing.packed

    @property
    def gradient_size(self) -> int:
        """Values of the gradient as the kernels write it."""
        return self._packing.gradient_size

    def pack(self, theta: NDArray) -> None:
        """Let the kernels read the parameters theta (n_parameters,).

        Tables of embeddings are read where they are: later changes of these reach the network.
        """
        self._packing.pack(theta)
        self._tables = theta[self.layout.n_packed :].astype(self.dtype, copy=False)

    def pack_each(self, thetas: NDArray) -> list[NDArray]:
        """Return the parameters of several networks, packed, for `read`."""
        return [self._packing.pack_anew(theta) for theta in thetas]

    def read(self, packed: NDArray) -> None:
        """Let the kernels read parameters that are packed already."""
        self._packing.packed = packed
        if self.embeddings is not None:
            self._tables = self._packing.tables(packed)

    def unpacked(self, packed: NDArray) -> NDArray:
        """Return of packed parameters those that prediction reads, theta (n_parameters,)."""
        return self._packing.unpacked(packed)

    # --- embeddings -------------------------------------------------------------------------
    def embedded(self, batch: PackedBatch) -> PackedBatch:
        """Return a batch with the vectors of its categories behind its numeric channels."""
        if batch.codes is None or self.embeddings is None:
            return batch
        x = np.empty((len(batch.x), self.spec.n_channels), self.dtype)
        x[:, : self.spec.n_numeric] = batch.x
        self.embeddings.write(batch.codes, self._tables, x)
        return batch._replace(x=x, codes=None)

    def touched(self, of_vectors: list[Any], gradient: NDArray) -> Touched:
        """Write the gradient of tables to gradient (n_parameters,), see `Embeddings.gradient`.

        Return which parameters there is a gradient of. Without tables they are all.
        """
        if self.embeddings is None:
            return Touched(self.layout.size, NO_ROWS)
        return self.embeddings.gradient(of_vectors, gradient)

    # --- noise and statistics ---------------------------------------------------------------
    def training_plan(self, seed: int) -> Plan:
        """Return the plan with the noise of a chunk in training."""
        if not self.noisy:
            return self.plan
        noise = Noise(seed, True, *self.spec.noise_rates, self.spec.hidden_size)
        return self.plan._replace(noise=noise)

    def together(
        self, n_chunks: int, patience: int = 0, ready: NDArray[np.int64] = READY
    ) -> list[Together]:
        """Return what each of n_chunks sees of those that are normalised by the same statistics.

        Without chunks there is one view, of a chunk normalised by the running statistics.
        patience: how many times a chunk looks for another one before it pauses
        ready (1,): becomes 1 when the parameters are packed
        """
        n, n_views = self.n_statistics, max(n_chunks, 1)
        weights = np.empty((n_chunks, n))
        parts = np.empty((n_views, 2, n), self.dtype)
        statistics = np.empty((n_views, n), self.dtype)
        arrived = np.zeros(n_chunks, np.int64)
        return [
            Together(k, weights, parts, row, arrived, ready, patience)
            for k, row in enumerate(statistics)
        ]

    # --- the plan ---------------------------------------------------------------------------
    def _plan(self, need_dx: bool) -> Plan:
        spec, cell = self.spec, self.spec.cell
        n_hidden = filled(spec.n_units, self.lanes)
        n_pooled = len(spec.pooling) * spec.n_directions * n_hidden
        n_features = n_pooled + filled(spec.n_beside, self.lanes)
        gate_stride = self._packing.odd_lines(cell.kernel.n_gates * n_hidden)
        n_kept = cell.kernel.n_kept + int(self.noisy) + int(cell.normalised) * cell.kernel.n_gates
        # what prediction needs of zoneout; dropout is scaled so that it needs nothing
        zoneout = cell.zoneout_rates
        expected = Noise(0, False, 0.0, 0.0, *zoneout, spec.hidden_size)
        scans = [
            self._scan(layer, suffix, n_hidden, gate_stride, need_dx or layer > 0)
            for layer, suffix in spec.scans
        ]
        table = np.array([*scans, self._head(n_hidden, n_pooled, n_features)])
        row_strides = table[:, 1]
        encoder = place_encoder(spec, self.layout, self._packing)
        readout = self._readout(n_hidden)
        return Plan(
            product=gemm_address(self.dtype),
            cell=cell.kernel(),
            norm=LayerNorm(spec.hidden_size) if cell.normalised else None,
            noise=expected if max(zoneout) > 0.0 else None,
            encoder=encoder,
            readout=readout,
            truncated=spec.truncated,
            bptt_steps=spec.bptt_steps,
            n_hidden=n_hidden,
            n_layers=spec.num_layers,
            n_directions=spec.n_directions,
            n_outputs=spec.n_outputs,
            last=int("last" in spec.pooling),
            mean=int("mean" in spec.pooling),
            maximum=int("max" in spec.pooling),
            reads_all=encoder is not None or not isinstance(readout, Final),
            loss=spec.loss.kind,
            loss_parameters=np.array(spec.loss.kernel_parameters),
            n_pooled=n_pooled,
            n_static=spec.n_beside,
            n_features=n_features,
            feature_stride=n_features + self.lanes,
            gate_stride=gate_stride,
            cell_stride=n_kept * n_hidden,
            scans=np.column_stack([table, np.cumsum(row_strides) - row_strides]),
        )

    def _scan(
        self, layer: int, suffix: str, n_hidden: int, gate_stride: int, need_dx: bool
    ) -> list[int]:
        """Place one direction of one layer; return its row of ``Plan.scans``."""
        spec, packing, cell = self.spec, self._packing, self.spec.cell
        units = np.arange(spec.hidden_size)
        if layer == 0:
            n_inputs = spec.n_inputs
            inputs = np.arange(n_inputs)
        else:
            n_inputs = spec.n_directions * n_hidden
            inputs = np.concatenate([d * n_hidden + units for d in range(spec.n_directions)])
        n_columns = n_hidden + n_inputs + 1
        rows = {
            "state": units,
            "input": n_hidden + inputs,
            "bias": np.array([n_columns - 1]),
            "below": np.array([n_columns]),
        }
        parameters = self.layout.group(f"l{layer}{suffix}")
        n_below = sum(parameter.part == "below" for parameter in parameters)
        matrix = packing.empty(n_columns + n_below, cell.kernel.n_gates * n_hidden)
        for parameter in parameters:
            gates = [cell.columns.index(column) for column in parameter.columns]
            places = self.layout.places(parameter).reshape(len(gates) * len(units), -1)
            matrix[np.ix_(rows[parameter.part], self._gate_columns(gates))] = places.T
        inputs_transposed = matrix[n_hidden : n_columns - 1].T if need_dx else matrix[:0].T
        return [
            n_inputs,
            packing.odd_lines(n_columns),
            packing.place_panels(matrix),
            packing.place_panels(matrix[:n_hidden].T),
            packing.place_panels(inputs_transposed),
            packing.place_gradient(matrix, gate_stride),
            len(matrix),
        ]

    def _gate_columns(self, gates: Sequence[int]) -> NDArray[np.intp]:
        """Return the columns of some gates; those of one vector of units lie side by side."""
        width, n_gates = self.lanes, self.spec.cell.kernel.n_gates
        units = np.arange(self.spec.hidden_size)
        of_units = units // width * n_gates * width + units % width
        return np.add.outer(np.asarray(gates) * width, of_units).ravel()

    def _head(self, n_hidden: int, n_pooled: int, n_features: int) -> list[int]:
        """Place the head (n_features + 1, n_outputs); return its row of ``Plan.scans``."""
        spec, packing = self.spec, self._packing
        n_blocks = n_pooled // n_hidden
        pooled = np.add.outer(np.arange(n_blocks) * n_hidden, np.arange(spec.n_units))
        features = np.concatenate([pooled.ravel(), n_pooled + np.arange(spec.n_beside)])
        self.features = features  # the columns that are no filling, (n_features,)
        weight, bias = map(self.layout.places, self.layout.group("head"))
        matrix = packing.empty(n_features + 1, self.head_outputs)
        matrix[features, : spec.n_outputs] = weight.T
        matrix[-1, : spec.n_outputs] = bias
        return [
            n_features,
            0,
            packing.place(matrix),
            packing.place(matrix[:-1, : spec.n_outputs].T),
            0,
            packing.place_gradient(matrix, self.head_outputs),
            len(matrix),
        ]

    def _stack(
        self,
        name: str,
        layers: tuple[ConvolutionLayer, ...],
        n_columns: int,
        pooled: bool,
        need_dx: bool,
    ) -> Stack | None:
        """Place convolutions one upon the other; the first reads n_columns channels."""
        if not layers:
            return None
        table = []
        for k, layer in enumerate(layers):
            table.append(self._convolution(f"{name}_l{k}", layer, n_columns, need_dx or k > 0))
            n_columns = filled(layer.n_filters, self.lanes)
        for batches in self.layout.group(name):
            self._packing.place_gradient(self.layout.places(batches)[np.newaxis], 1)
        return Stack(gemm_address(self.dtype), pooled, np.array(table))

    def _convolution(
        self, group: str, layer: ConvolutionLayer, n_columns: int, need_dx: bool
    ) -> list[int]:
        """Place the matrix (width * inputs, filters) of a convolution, its steps transposed,
        and what it has learned of each filter; return its row of ``Stack.layers``.
        """
        packing = self._packing
        n_filters = filled(layer.n_filters, self.lanes)
        matrix = self._windows(group, layer, n_columns, n_filters)
        others = [self.layout.places(p) for p in self.layout.group(group) if p.part != "weight"]
        learned = packing.empty(len(others), n_filters)
        for row, places in zip(learned, others, strict=True):
            row[: layer.n_filters] = places
        first_statistic = len(self._running)
        if layer.normalised:  # shift, scale, mean, variance
            self._running = np.concatenate([self._running, learned[2:].ravel()])
        window = matrix.reshape(-1, n_filters)
        steps = matrix if need_dx and not layer.dilation else matrix[:0]
        transposed = np.array([packing.panels(step.T) for step in steps], np.intp)
        place = packing.place if layer.dilation else packing.place_panels
        return [
            n_columns,
            n_filters,
            layer.width,
            layer.before,
            layer.stride,
            ACTIVATIONS.index(layer.activation),
            int(layer.normalised),
            layer.dilation,
            place(window),
            packing.place(transposed),
            packing.place(learned),
            packing.place_gradient(window, n_filters),
            packing.place_gradient(learned, n_filters),
            first_statistic,
        ]

    def _windows(
        self, group: str, layer: ConvolutionLayer, n_columns: int, n_filters: int
    ) -> NDArray[np.intp]:
        """Return where the weights of windows stand in theta, (width, n_columns, n_filters).

        Of a depthwise convolution (width, 1, n_filters). Windows of different widths have their
        steps `before` at the same row.
        """
        first, *narrower = [
            self.layout.places(p) for p in self.layout.group(group) if p.part == "weight"
        ]
        matrix = self._packing.empty(layer.width, 1 if layer.dilation else n_columns, n_filters)
        n = 0
        for weight in (first, *narrower):  # (n, n_inputs, width)
            width = weight.shape[2]
            top = layer.first_of(width)
            block = matrix[top : top + width, : weight.shape[1], n : n + len(weight)]
            block[...] = weight.transpose(2, 1, 0)
            n += len(weight)
        return matrix

    def _readout(self, n_hidden: int) -> Any:
        """Return the marker of what the head reads; attention has parameters to place."""
        spec = self.spec
        if spec.per_step:
            return Steps()
        if "attention" in spec.pooling:
            return self._attention(n_hidden)
        return Final() if spec.pooling == ("last",) else Pooled()

    def _attention(self, n_hidden: int) -> Attention:
        """Place W, transposed, above b and v."""
        spec, packing = self.spec, self._packing
        units, blocks = np.arange(spec.n_units), np.arange(spec.n_directions) * n_hidden
        n_states = spec.n_directions * n_hidden
        weight, bias, score = map(self.layout.places, self.layout.group("attention"))
        matrix = packing.empty(n_states + 2, n_hidden)
        states = np.add.outer(blocks, units).ravel()
        matrix[np.ix_(states, units)] = weight.T
        matrix[n_states, units] = bias
        matrix[n_states + 1, units] = score
        stride = packing.odd_lines(n_hidden)
        return Attention(
            stride=stride,
            weight=packing.place_panels(matrix[:n_states]),
            transposed=packing.place_panels(matrix[:n_states].T),
            vectors=packing.place(matrix[n_states:]),
            gradient=packing.place_gradient(matrix, stride),
        )

    def n_read(self, n_rows: int, n_sequences: int) -> int:
        """Return the rows that the head reads: one for each sequence, or for each time step."""
        return n_rows if self.spec.per_step else n_sequences
