"""Embeddings: a learned vector for each category, looked up and its gradient added up.

All tables of vectors lie one after another in one array. A minibatch reads few of their rows; its
gradient holds these rows alone, in the order in which they are met, so that its cost does not
depend on the number of categories.
"""

from __future__ import annotations

import numpy as np

from sklstm._kernels.jit import inlined, kernel
from sklstm._kernels.optimizers import RUN_COLUMNS
from sklstm._kernels.simd import lanes, load, span, store

# columns of `places`, with a row for each vector that a row of x holds: where its table begins
# among all tables, the length of its vectors, its first column in x, and rows of the tables before
PLACE_COLUMNS = TABLE, SIZE, COLUMN, ROWS_BEFORE = range(4)
# columns of `rows`, with a row for each vector that a minibatch reads: those of a run of parameters
# among all tables, and its number among the rows of all tables
ROW_COLUMNS = START, LENGTH, OFFSET, DECAYS, NUMBER = (*RUN_COLUMNS, 4)
NO_ROWS = np.empty((0, len(ROW_COLUMNS)), np.int64)


# Vector by vector, so that the processor looks for several rows in memory at a time.
@inlined
def _copy(source, first, target, at, size):
    """target[at : at + size] = source[first : first + size]."""
    whole = size - size % lanes(target)
    for j in range(0, whole, lanes(target)):
        store(target, at + j, load(source, first + j))
    for j in range(whole, size):
        target[at + j] = source[first + j]


@inlined
def _add(source, first, target, at, size):
    """target[at : at + size] += source[first : first + size]."""
    whole = size - size % lanes(target)
    for j in range(0, whole, lanes(target)):
        store(target, at + j, load(target, at + j) + load(source, first + j))
    for j in range(whole, size):
        target[at + j] += source[first + j]


@kernel
def gather_codes(codes, begin, end, samples, lengths, starts, patch_size, packed):
    """Write the codes of some samples to the rows of a packed batch.

    Those of the steps of a patch lie side by side; -1 stands before the first step.

    (in) codes (total_steps, n_categorical)
    (in) begin, end (n_samples,), samples, lengths (n_sequences,), starts (longest + 1,),
         patch_size: as in `gather`
    (out) packed (n_rows, patch_size * n_categorical)
    """
    n = codes.shape[1]
    for r in range(samples.size):
        first = begin[samples[r]]
        row = end[samples[r]] - lengths[r] * patch_size
        for t in range(lengths[r]):
            for column in range(patch_size):
                for k in range(n):
                    code = codes[row, k] if row >= first else -1
                    packed[starts[t] + r, column * n + k] = code
                row += 1


@kernel
def embedding_forward(codes, places, tables, x):
    """Write the vectors of categories into columns of x.

    (in) codes (n_rows, n_places): row of each category in its table; -1 for none, which is zeros
    (in) places (n_places, 4): see `PLACE_COLUMNS`
    (in) tables (n_values,)
    (out) x (n_rows, n_columns): other columns stay as they are
    """
    flat, width = span(x, 0, x.size), x.shape[1]
    for row in range(codes.shape[0]):
        for place in range(codes.shape[1]):
            size, at = places[place, SIZE], row * width + places[place, COLUMN]
            code = codes[row, place]
            if code < 0:
                for k in range(size):
                    flat[at + k] = 0.0
            else:
                _copy(tables, places[place, TABLE] + code * size, flat, at, size)


@kernel
def embedding_rows(codes, places, offsets, rows, counts):
    """Note the rows of the tables that a batch is the first of its minibatch to read.

    (in) codes, places: as in `embedding_forward`
    (accum) offsets (n_rows_of_tables,): where the gradient of a row begins; -1 if nothing reads it
    (accum) rows (at least as many as are read, 5): see `ROW_COLUMNS`
    (accum) counts (2,): rows that are read, and the sum of their lengths
    """
    for row in range(codes.shape[0]):
        for place in range(codes.shape[1]):
            code = codes[row, place]
            number = places[place, ROWS_BEFORE] + code
            if code >= 0 and offsets[number] < 0:
                size = places[place, SIZE]
                n, offset = counts[0], counts[1]
                offsets[number] = offset
                rows[n, START] = places[place, TABLE] + code * size
                rows[n, LENGTH] = size
                rows[n, OFFSET] = offset
                rows[n, DECAYS] = 1
                rows[n, NUMBER] = number
                counts[0] = n + 1
                counts[1] = offset + size


@kernel
def embedding_backward(codes, places, offsets, dx, gradient):
    """Add the gradient of the vectors to that of the rows that a minibatch reads.

    (in) codes, places: as in `embedding_forward`; offsets: of `embedding_rows`
    (in) dx (n_rows, n_columns or more): the gradient of x
    (accum) gradient (n_read,)
    """
    flat, width = span(dx, 0, dx.size), dx.shape[1]
    for row in range(codes.shape[0]):
        for place in range(codes.shape[1]):
            code = codes[row, place]
            if code >= 0:
                first = row * width + places[place, COLUMN]
                start = offsets[places[place, ROWS_BEFORE] + code]
                _add(flat, first, gradient, start, places[place, SIZE])
