"""Describe the machine and the versions that the figures of a benchmark depend on."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import numba
import numpy as np
import sklearn

import sklstm
from sklstm._kernels import simd
from sklstm._kernels.gemm import (
    PANEL,
    TILE_ROWS,
    gemm,
    gemm_address,
)
from sklstm._kernels.jit import FALSE, ONE, kernel
from sklstm._kernels.simd import (
    address,
    aligned,
    lanes,
)


def processor() -> str:
    """Return the name of the processor as reported by the system."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def describe_machine() -> str:
    """Return processor, vector size and versions in one line."""
    return (
        f"{processor()}, {os.cpu_count()} cores, as {numba.config.CPU_NAME or 'host'}: "
        f"tile of {TILE_ROWS} rows x {PANEL} vectors of {simd.VECTOR_BYTES * 8} bits; "
        f"Python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}, "
        f"scikit-learn {sklearn.__version__}, sklstm {sklstm.__version__}"
    )


def fma_peak() -> float:
    """Measure the floating-point operations per second of one core, by independent multiply-adds.

    The tile keeps all accumulators in registers and its operands in the first-level cache.
    """
    n, k = TILE_ROWS, 128
    width = 4 * simd.lanes_of(np.float32)
    a, b, c = (aligned(size, np.float32) for size in (n * k, k * width, n * width))
    for array in (a, b, c):
        array[:] = 0.0
    repeats = 20_000
    product = gemm_address(np.float32)
    _repeat_tile(product, a, b, c, n, k, 10)
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        _repeat_tile(product, a, b, c, n, k, repeats)
        best = min(best, time.perf_counter() - start)
    return 2.0 * n * k * width * repeats / best


@kernel
def _repeat_tile(product, a, b, c, n, k, repeats):
    """Compute the same tile many times."""
    width = PANEL * lanes(c)
    for _ in range(repeats):
        gemm(
            product, address(a, 0), k, ONE, address(b, 0), 0, width, address(c, 0), width,
            n, PANEL, k, FALSE,
        )  # fmt: skip
