"""The LSTM with a forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    i, f, o = sigmoid(W_x x_t + b + W_h h_{t-1})        g = tanh(W_x x_t + b + W_h h_{t-1})
    c_t = f * c_{t-1} + i * g                            h_t = o * tanh(c_t)

One layer in one direction is scanned over a packed batch. Each step is one matrix product:
the row [h_{t-1}, x_t, 1] meets the matrix [W_h; W_x; b], so that the bias and its gradient
need no code of their own.
"""

from __future__ import annotations

from sklstm._kernels.jit import FALSE, ONE, TRUE, device
from sklstm._kernels.simd import PANEL, address, copy, fma, gemm, lanes, load, sigmoid, span, store, tanh

# Rows collected before a weight-gradient product: long enough to hide reading and writing
# the gradient, short enough for its operands to stay in the first-level cache.
_GRADIENT_ROWS = 96


@device
def lstm_forward(
    product, x, starts, reverse, first, last, weight, h, c, rows, gates, cells, y, y_column, keep,
    emit,
):  # fmt: skip
    """Scan steps ``first`` to ``last`` of one direction.

    (in) product: `gemm_address` of the dtype
    (in) x (n_rows, >= n_inputs): input of every row of the packed batch
    (in) starts (n_timesteps + 1,): first row of every time step
    (in) reverse: scan step s is time step n_timesteps - 1 - s
    (in) weight (n_panels, n_columns, 4 * lanes), n_columns = n_hidden + n_inputs + 1
    (accum) h, c (n_sequences, n_hidden): state before, then after the scanned steps
    (out) rows (n, odd_lines): [h_{t-1}, x_t, 1];  gates (n, odd_lines): i, f, g, o;
          cells (n, 2 * n_hidden): c_{t-1}, tanh(c_t). With `keep` for each of the scanned
          steps' rows, in the packed order; else the last step's only.
    (out) y (n_rows, n_directions * n_hidden): h_t from column y_column on, if `emit`
    """
    width = lanes(h)
    n_hidden = h.shape[1]
    n_panels = weight.shape[0]
    n_columns = weight.shape[1]
    n_inputs = n_columns - n_hidden - 1
    n_timesteps = starts.size - 1
    row_stride, gate_stride, y_stride = rows.shape[1], gates.shape[1], y.shape[1]
    base = starts[n_timesteps - last if reverse else first]
    for s in range(first, last):
        t = n_timesteps - 1 - s if reverse else s
        n_live = starts[t + 1] - starts[t]
        top = starts[t] - base if keep else 0
        for r in range(n_live):
            copy(h, r * n_hidden, rows, (top + r) * row_stride, n_hidden)
            row = span(rows, (top + r) * row_stride + n_hidden, n_inputs)
            source = span(x, (starts[t] + r) * x.shape[1], n_inputs)
            for j in range(n_inputs):
                row[j] = source[j]
            rows[top + r, n_columns - 1] = 1.0
        gemm(
            product, address(rows, top * row_stride), row_stride, ONE,
            address(weight, 0), n_columns * PANEL * width, PANEL * width,
            address(gates, top * gate_stride), gate_stride,
            n_live, PANEL * n_panels, n_columns, FALSE,
        )  # fmt: skip
        for r in range(n_live):
            for p in range(n_panels):
                gate = (top + r) * gate_stride + p * 4 * width
                unit = r * n_hidden + p * width
                i = sigmoid(load(gates, gate))
                f = sigmoid(load(gates, gate + width))
                g = tanh(load(gates, gate + 2 * width))
                o = sigmoid(load(gates, gate + 3 * width))
                c_before = load(c, unit)
                c_now = fma(f, c_before, i * g)
                squashed = tanh(c_now)
                h_now = o * squashed
                store(c, unit, c_now)
                store(h, unit, h_now)
                if emit:
                    store(y, (starts[t] + r) * y_stride + y_column + p * width, h_now)
                if keep:
                    store(gates, gate, i)
                    store(gates, gate + width, f)
                    store(gates, gate + 2 * width, g)
                    store(gates, gate + 3 * width, o)
                    cell = (top + r) * 2 * n_hidden + p * 2 * width
                    store(cells, cell, c_before)
                    store(cells, cell + width, squashed)


@device
def lstm_backward(
    product, starts, reverse, first, last, rows, gates, cells, dy, y_column, emit,
    weight_h, weight_x, dh, dc, dx, need_dx, add_dx, dweight,
):  # fmt: skip
    """Exact gradient of `lstm_forward` through scan steps ``last`` down to ``first``.

    (in) product, starts, reverse, first, last, rows, cells: as the forward scan had them
    (in) gates (n, odd_lines): i, f, g, o; overwritten by the gradient before activation
    (in) dy (n_rows, n_directions * n_hidden): gradient of y, if `emit`
    (in) weight_h, weight_x (panels of 4 vectors, 4 * n_hidden, 4 * lanes): transposed
    (accum) dh, dc (n_sequences, n_hidden): gradient of the state after, then before
    (out) dx (n_rows, inputs in whole vectors): gradient of x if `need_dx`; += if `add_dx`
    (accum) dweight (n_columns, odd_lines)
    """
    width = lanes(dh)
    n_hidden = dh.shape[1]
    n_panels = n_hidden // width
    n_gates = 4 * n_hidden
    n_columns = dweight.shape[0]
    n_timesteps = starts.size - 1
    row_stride, gate_stride, y_stride = rows.shape[1], gates.shape[1], dy.shape[1]
    base = starts[n_timesteps - last if reverse else first]
    n_pending = 0
    for s in range(last - 1, first - 1, -1):
        t = n_timesteps - 1 - s if reverse else s
        n_live = starts[t + 1] - starts[t]
        top = starts[t] - base
        for r in range(n_live):
            for p in range(n_panels):
                gate = (top + r) * gate_stride + p * 4 * width
                unit = r * n_hidden + p * width
                cell = (top + r) * 2 * n_hidden + p * 2 * width
                i = load(gates, gate)
                f = load(gates, gate + width)
                g = load(gates, gate + 2 * width)
                o = load(gates, gate + 3 * width)
                c_before = load(cells, cell)
                squashed = load(cells, cell + width)
                dh_now = load(dh, unit)
                if emit:
                    dh_now = dh_now + load(dy, (starts[t] + r) * y_stride + y_column + p * width)
                dc_now = fma(dh_now * o, 1.0 - squashed * squashed, load(dc, unit))
                store(dc, unit, dc_now * f)
                store(gates, gate, dc_now * g * i * (1.0 - i))
                store(gates, gate + width, dc_now * c_before * f * (1.0 - f))
                store(gates, gate + 2 * width, dc_now * i * (1.0 - g * g))
                store(gates, gate + 3 * width, dh_now * squashed * o * (1.0 - o))
        gemm(
            product, address(gates, top * gate_stride), gate_stride, ONE,
            address(weight_h, 0), n_gates * PANEL * width, PANEL * width,
            address(dh, 0), n_hidden,
            n_live, n_panels, n_gates, FALSE,
        )  # fmt: skip
        n_pending += n_live
        if n_pending >= _GRADIENT_ROWS or s == first:
            # a reverse scan is walked from its last step, which is the earliest, upwards
            low = top + n_live - n_pending if reverse else top
            gemm(
                product, address(rows, low * row_stride), ONE, row_stride,
                address(gates, low * gate_stride), PANEL * width, gate_stride,
                address(dweight, 0), dweight.shape[1],
                n_columns, PANEL * n_panels, n_pending, TRUE,
            )  # fmt: skip
            if need_dx:
                gemm(
                    product, address(gates, low * gate_stride), gate_stride, ONE,
                    address(weight_x, 0), n_gates * PANEL * width, PANEL * width,
                    address(dx, (base + low) * dx.shape[1]), dx.shape[1],
                    n_pending, dx.shape[1] // width, n_gates, add_dx,
                )  # fmt: skip
            n_pending = 0
