"""The six experiments of Hochreiter and Schmidhuber (1997), with the paper's own algorithm."""
