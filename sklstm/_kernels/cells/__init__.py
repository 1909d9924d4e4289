"""The recurrent cells: a file each, and `dispatch.py`, which leads the scan to them."""
