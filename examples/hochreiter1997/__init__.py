"""The six experiments of Hochreiter and Schmidhuber (1997), by the paper's own algorithm."""
