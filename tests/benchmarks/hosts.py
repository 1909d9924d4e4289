"""Training steps as on other processors, with torch limited to the same instructions.

    python -m tests.benchmarks.hosts

Each host needs its own process, because both libraries choose their instructions when they are
loaded.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

# Numba's name of a processor, whose features LLVM knows, and settings that limit torch and its
# libraries to the same vectors.
HOSTS = {
    "haswell": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "x86-64": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
}


def main() -> None:
    """Run the training benchmark for each host."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each library and size")
    seconds = str(parser.parse_args().seconds)
    for name, limits in HOSTS.items():
        print(f"\n### {name}, torch with {limits}\n", flush=True)
        subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.benchmarks.training",
                "--steps-only",
                "--seconds",
                seconds,
            ],
            check=True,
            env={**os.environ, "NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": "", **limits},
        )


if __name__ == "__main__":
    main()
