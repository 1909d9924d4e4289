"""Several processes and machines: the same results as without, bit for bit."""
