"""Compiled kernels: NumPy and Numba only, nothing from the rest of the package.

THE KERNEL CONTRACT

1. Arguments come in the order inputs, parameters, outputs; the docstring tags each one
   (in), (out) or (accum) and gives its shape.
2. Activations are written with ``=``, parameter gradients with ``+=``.
3. No allocation in a loop, no Python objects, no random state (a mask is a function of
   a seed and its position, see ``noise.py``), no exceptions, no printing.
4. float32 and float64 come from the same source.
5. Each kernel has a naive NumPy twin of the same name in ``tests/reference.py``.

LAYOUT

A *packed batch* holds the sequences of a chunk sorted by length, longest first, one row
for each time step of each sequence: the rows of step t are ``starts[t] : starts[t + 1]``,
one for each sequence that is still alive, in the same order at every step. Live sequences
are a prefix, so no kernel needs a mask.

Hidden units are grouped into SIMD vectors of ``lanes`` units; the last vector is padded with
units that stay exactly zero. A row of pre-activations is ``(n_vectors, n_gates, lanes)``:
the gates of the same units are adjacent. Weights are stored in *panels* of four vectors
of columns, for any number of gates.

Rows that are the left operand of a matrix product have an odd number of cache lines
(``odd_lines``), because strides of a power of two map all rows to the same cache sets.
"""
