"""Displays: pictures of the numbers that are computed one folder up."""
