"""C: a file for each part of the network, and `convert.py`, which puts them together."""
