"""Scan one layer in one direction over a packed batch; a marker selects the cell.

Each step is one matrix product of the row [h_{t-1}, x_t, 1] and the matrix [W_h; W_x; b], so
that the bias and its gradient need no code of their own.

Layer normalisation and noise are None in a network without them: Numba removes the branches
behind ``is not None`` before it compiles.
"""

from __future__ import annotations

from sklstm._kernels.cells.dispatch import step_backward, step_forward
from sklstm._kernels.gemm import PANEL, gemm
from sklstm._kernels.jit import FALSE, ONE, TRUE, device, part
from sklstm._kernels.layer_norm import layer_norm_backward, layer_norm_forward
from sklstm._kernels.noise import (
    noisy_backward,
    noisy_forward,
    variational_backward,
    variational_forward,
)
from sklstm._kernels.simd import address, copy, fill, lanes, load, span, spread, store

# Rows collected before a product for the weight gradient: enough to hide reading and writing
# the gradient, few enough for its operands to stay in the first-level cache.
_GRADIENT_ROWS = 96


@device
def scan_forward(
    product, cell, norm, noise, scan, x, starts, reverse, first, last, weight, h, c, rows, gates,
    cells, y, y_column, keep, emit,
):  # fmt: skip
    """Compute scan steps ``first`` to ``last - 1`` of one direction.

    (in) product: `gemm_address` of the dtype
    (in) cell: marker, see `cells/dispatch.py`
    (in) norm, noise: see `layer_norm.py` and `noise.py`, or None
    (in) scan: number of this scan in the network
    (in) x (n_rows, >= n_inputs): input of every row of the packed batch
    (in) starts (n_timesteps + 1,): first row of every time step
    (in) reverse: scan step s is time step n_timesteps - 1 - s
    (in) weight (panels of 4 vectors, n_columns + n_extra, 4 * lanes),
         n_columns = n_hidden + n_inputs + 1; with norm one more row, the gains
    (accum) h, c (n_sequences, n_hidden): state before, then after the scanned steps
    (out) rows (n, odd_lines): [h_{t-1}, x_t, 1];  gates (n, odd_lines) and
          cells (n, n_kept * n_hidden): as cell, norm and noise define them. With `keep` they hold
          the rows of all scanned steps, in the packed order; else those of the last step only.
    (out) y (n_rows, n_directions * n_hidden), if `emit`: h_t, from column y_column on
    """
    width = lanes(h)
    n_hidden = h.shape[1]
    n_vectors = n_hidden // width
    panel = weight.shape[1] * PANEL * width
    n_columns = weight.shape[1] - cell.n_extra
    if norm is not None:
        n_columns -= 1
    n_inputs = n_columns - n_hidden - 1
    n_kept = cells.shape[1] // n_hidden
    n_read = n_columns if norm is None else n_columns - 1  # the bias comes after the norm
    n_timesteps = starts.size - 1
    row_stride, gate_stride, y_stride = rows.shape[1], gates.shape[1], y.shape[1]
    base = starts[n_timesteps - last if reverse else first]
    for s in range(first, last):
        t = n_timesteps - 1 - s if reverse else s
        n_live = starts[t + 1] - starts[t]
        top = starts[t] - base if keep else 0
        for r in range(n_live):
            if noise is None:
                copy(address(h, r * n_hidden), address(rows, (top + r) * row_stride), n_hidden)
            else:
                variational_forward(noise, scan, h, r, rows, (top + r) * row_stride)
            row = span(rows, (top + r) * row_stride + n_hidden, n_inputs)
            source = span(x, (starts[t] + r) * x.shape[1], n_inputs)
            for j in range(n_inputs):
                row[j] = source[j]
            rows[top + r, n_columns - 1] = 1.0
        gemm(
            product, address(rows, top * row_stride), row_stride, ONE,
            address(weight, 0), panel, PANEL * width,
            address(gates, top * gate_stride), gate_stride,
            n_live, cell.n_gates * n_vectors, n_read, FALSE,
        )  # fmt: skip
        if norm is not None:
            kept = top * n_hidden * n_kept + (n_kept - cell.n_gates) * width
            layer_norm_forward(
                norm, cell, weight, n_live, gates, top * gate_stride, cells, kept, n_kept * width,
                keep,
            )  # fmt: skip
        for r in range(n_live):
            kept = (top + r) * n_hidden * n_kept
            for p in range(n_vectors):
                gate = (top + r) * gate_stride + p * cell.n_gates * width
                unit = r * n_hidden + p * width
                extra = p * panel + n_columns * PANEL * width
                if noise is None:
                    h_now = step_forward(
                        cell, gates, gate, load(h, unit), spread(h, 1.0),
                        weight, extra, c, unit, cells, kept + p * width * n_kept, keep,
                    )  # fmt: skip
                else:
                    h_now = noisy_forward(
                        cell, noise, scan, gates, gate, weight, extra, h, c, unit,
                        (starts[t] + r) * noise.n_units + p * width,
                        cells, kept + p * width * n_kept, keep,
                    )  # fmt: skip
                store(h, unit, h_now)
                if emit:
                    store(y, (starts[t] + r) * y_stride + y_column + p * width, h_now)


@device
def scan_backward(
    product, cell, norm, noise, scan, truncated, bptt_steps, starts, reverse, first, last, rows,
    gates, cells, dy, y_column, emit, weight, weight_h, weight_x, dh, dc, dx, need_dx, add_dx,
    need_dw, dweight,
):  # fmt: skip
    """Gradient of `scan_forward`, from scan step ``last - 1`` down to ``first``.

    (in) product, cell, norm, noise, scan, starts, reverse, first, last, rows, weight: as in the
         forward scan
    (in) truncated: whether to cut errors that leave a cell for h_{t-1} through the weights; they
         flow on through c only (Hochreiter & Schmidhuber 1997)
    (in) bptt_steps: errors of the state are cut between time steps t - 1 and t if it divides
         t; 0 cuts none
    (in) gates (n, odd_lines), cells: as the forward scan left them; gates are overwritten by
         the gradient of the pre-activations
    (in) dy (n_rows, n_directions * n_hidden): gradient of y, if `emit`
    (in) weight_h, weight_x (panels of 4 vectors, n_gates * n_hidden, 4 * lanes): transposed
    (accum) dh, dc (n_sequences, n_hidden): gradient of the state after, then before
    (out) dx (n_rows, inputs in whole vectors): gradient of x if `need_dx`; += if `add_dx`
    (in) need_dw: whether what reads rows has its gradient in dweight; else that is not computed
    (accum) dweight (n_columns + n_extra, odd_lines)
    """
    width = lanes(dh)
    n_hidden = dh.shape[1]
    n_vectors = n_hidden // width
    n_gates = cell.n_gates * n_hidden
    panel = weight.shape[1] * PANEL * width
    n_columns = weight.shape[1] - cell.n_extra
    if norm is not None:
        n_columns -= 1
    n_kept = cells.shape[1] // n_hidden
    n_read = n_columns if norm is None else n_columns - 1
    # the part of dh that bypasses the weights is in dh; with noise it is in `cells`
    past_weights = cell.direct != 0 if noise is None else False
    n_timesteps = starts.size - 1
    row_stride, gate_stride, y_stride = rows.shape[1], gates.shape[1], dy.shape[1]
    base = starts[n_timesteps - last if reverse else first]
    n_pending = 0
    for s in range(last - 1, first - 1, -1):
        t = n_timesteps - 1 - s if reverse else s
        n_live = starts[t + 1] - starts[t]
        top = starts[t] - base
        for r in range(n_live):
            kept = (top + r) * n_hidden * n_kept
            for p in range(n_vectors):
                gate = p * cell.n_gates * width
                unit = r * n_hidden + p * width
                dh_now = load(dh, unit)
                if emit:
                    dh_now = dh_now + load(dy, (starts[t] + r) * y_stride + y_column + p * width)
                extra = p * panel + n_columns * PANEL * width
                if noise is None:
                    step_backward(
                        cell, gates, (top + r) * gate_stride + gate,
                        load(rows, (top + r) * row_stride + p * width), spread(dh, 1.0),
                        weight, extra, cells, kept + p * width * n_kept,
                        truncated, dh_now, dh, dc, unit, dweight, n_columns * gate_stride + gate,
                    )  # fmt: skip
                else:
                    noisy_backward(
                        cell, noise, scan, gates, (top + r) * gate_stride + gate,
                        weight, extra, (starts[t] + r) * noise.n_units + p * width, cells,
                        kept + p * width * n_kept,
                        truncated, dh_now, dh, dc, unit, dweight, n_columns * gate_stride + gate,
                    )  # fmt: skip
        if norm is not None:
            kept = top * n_hidden * n_kept + (n_kept - cell.n_gates) * width
            layer_norm_backward(
                norm, cell, weight, n_live, cells, kept, n_kept * width, gates, top * gate_stride,
                dweight,
            )  # fmt: skip
        if truncated:
            fill(address(dh, 0), n_live * n_hidden, 0.0)
        else:
            gemm(
                product, address(gates, top * gate_stride), gate_stride, ONE,
                address(weight_h, 0), n_gates * PANEL * width, PANEL * width,
                address(dh, 0), n_hidden,
                n_live, n_vectors, n_gates, past_weights,
            )  # fmt: skip
        if noise is not None:
            past = top * n_hidden * n_kept
            variational_backward(cell, noise, scan, cells, past, n_kept, n_live, dh)
        if bptt_steps > 0:
            _cut_error(bptt_steps, t + 1 if reverse else t, starts, dh, dc)
        n_pending += n_live
        if n_pending >= _GRADIENT_ROWS or s == first:
            # a reverse scan starts here at its last scan step, the earliest time step
            low = top + n_live - n_pending if reverse else top
            _write_gradients(
                product, rows, gates, low, n_pending, n_read, n_gates, weight_x, base, dx,
                need_dx, add_dx, need_dw, dweight,
            )  # fmt: skip
            n_pending = 0


@part
def _cut_error(bptt_steps, later, starts, dh, dc):
    """Cut the error of the state that is passed between two time steps, if it is to be cut there.

    later: the later one of both. A sequence that is not alive there has no state to cut, but may
    have a final one.
    """
    if later % bptt_steps == 0 and 0 < later < starts.size - 1:
        n_cut = (starts[later + 1] - starts[later]) * dh.shape[1]
        fill(address(dh, 0), n_cut, 0.0)
        fill(address(dc, 0), n_cut, 0.0)


@part
def _write_gradients(
    product, rows, gates, low, n_pending, n_read, n_gates, weight_x, base, dx, need_dx, add_dx,
    need_dw, dweight,
):  # fmt: skip
    """Gradients of weights and inputs by `n_pending` rows from row `low` on."""
    width = lanes(gates)
    row_stride, gate_stride = rows.shape[1], gates.shape[1]
    if need_dw:
        gemm(
            product, address(rows, low * row_stride), ONE, row_stride,
            address(gates, low * gate_stride), PANEL * width, gate_stride,
            address(dweight, 0), gate_stride,
            n_read, n_gates // width, n_pending, TRUE,
        )  # fmt: skip
    if need_dx:
        gemm(
            product, address(gates, low * gate_stride), gate_stride, ONE,
            address(weight_x, 0), n_gates * PANEL * width, PANEL * width,
            address(dx, (base + low) * dx.shape[1]), dx.shape[1],
            n_pending, dx.shape[1] // width, n_gates, add_dx,
        )  # fmt: skip
