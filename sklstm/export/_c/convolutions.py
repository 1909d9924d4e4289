"""Convolutions in C: before the recurrent layers, and beside them."""

from __future__ import annotations

from sklstm.components.convolutions import ConvolutionLayer
from sklstm.export._c.source import ADD_PRODUCT, Source
from sklstm.export._fitted import FittedModel, folded

_RECORD = """
typedef struct {
    size_t n_inputs, n_filters, width, before, stride;
    size_t dilation; /* 0: a filter reads all inputs; else its own, at steps so far apart */
    int activation; /* 0: none, 1: negative values become 0, 2: tanh */
    const float *weight; /* (width * n_inputs, n_filters); by dilation (width, n_filters) */
    const float *bias;
} convolution;
"""

_ADD_WINDOW = """
/* out (n_filters,) += what the filters give at step t of x (n_steps, n_inputs) */
static void add_window(const convolution *p, const float *x, size_t n_steps, size_t t, float *out)
{
    const size_t skipped = t < p->before ? p->before - t : 0;
    const size_t first = t + skipped - p->before;
    size_t last = t + p->width - p->before;
    if (last > n_steps)
        last = n_steps;
    add_product(x + first * p->n_inputs, (last - first) * p->n_inputs,
                p->weight + skipped * p->n_inputs * p->n_filters, p->n_filters, out);
}
"""

_ADD_WINDOW_OF_EACH = """
/* the same where each filter reads the input of its own number */
static void add_window_of_each(const convolution *p, const float *x, size_t n_steps, size_t t,
                               float *out)
{
    for (size_t j = 0; j < p->width; j++) {
        const size_t place = t + j * p->dilation;
        if (place < p->before || place - p->before >= n_steps)
            continue;
        const float *row = x + (place - p->before) * p->n_filters;
        for (size_t k = 0; k < p->n_filters; k++)
            out[k] += row[k] * p->weight[j * p->n_filters + k];
    }
}
"""

_CONVOLVE = """
/* y (result, n_filters) of x (n_steps, n_inputs); the last window is that of the last step */
static size_t convolve(const convolution *p, const float *x, size_t n_steps, float *y)
{
    const size_t n_out = (n_steps + p->stride - 1) / p->stride;
    for (size_t i = 0; i < n_out; i++) {
        const size_t t = n_steps - 1 - p->stride * (n_out - 1 - i);
        float *out = y + i * p->n_filters;
        for (size_t k = 0; k < p->n_filters; k++)
            out[k] = p->bias[k];
        (p->dilation ? add_window_of_each : add_window)(p, x, n_steps, t, out);
        for (size_t k = 0; p->activation == 1 && k < p->n_filters; k++)
            out[k] = out[k] > 0.0f ? out[k] : 0.0f;
        for (size_t k = 0; p->activation == 2 && k < p->n_filters; k++)
            out[k] = tanhf(out[k]);
    }
    return n_out;
}
"""

_MEAN = """
/* mean over time of x (n_steps, n_columns), added up in double precision: there may be thousands */
static void mean_over_time(const float *x, size_t n_steps, size_t n_columns, float *mean)
{
    for (size_t k = 0; k < n_columns; k++) {
        double total = 0.0;
        for (size_t t = 0; t < n_steps; t++)
            total += (double)x[t * n_columns + k];
        mean[k] = (float)(total / (double)n_steps);
    }
}
"""

_ACTIVATIONS = {"identity": 0, "relu": 1, "tanh": 2}


def add_convolutions(
    source: Source, model: FittedModel, name: str, layers: tuple[ConvolutionLayer, ...]
) -> list[str]:
    """Add convolutions one upon the other, and return the names of their records."""
    if not layers:
        return []
    source.declare(_RECORD)
    source.function(ADD_PRODUCT)
    for function in (_ADD_WINDOW, _ADD_WINDOW_OF_EACH, _CONVOLVE):
        source.function(function)
    records = []
    for k, layer in enumerate(layers):
        weight, bias = folded(model, layer, f"{name}_{{}}_l{k}")
        n_filters, n_inputs, width = weight.shape
        by_step = weight.transpose(2, 1, 0).reshape(-1, n_filters)
        records.append(source.record(
            "convolution", f"{name}_l{k}",
            n_inputs, n_filters, width, layer.before, layer.stride, layer.dilation,
            _ACTIVATIONS[layer.activation],
            source.array(f"{name}_weight_l{k}", by_step), source.array(f"{name}_bias_l{k}", bias),
        ))  # fmt: skip
    return records


def add_mean(source: Source) -> None:
    """Add `mean_over_time`."""
    source.function(_MEAN)
