"""Peak memory of a training step, and growth of its time with the length of sequences.

    python -m tests.benchmarks.memory

Each figure is the growth of a fresh process's peak resident memory over the moment before
the step, after a step of one small batch has loaded everything.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

from tests.benchmarks.machine import describe_machine

SIZES = [(32, 1000, 1, 32), (8, 100_000, 1, 64)]
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT


def growth(library: str, size: tuple[int, int, int, int]) -> dict[str, float]:
    """Peak memory and seconds of one step, measured in this process."""
    from tests.benchmarks.training import our_step, torch_step

    def make(shape):
        full = (*shape, 1, False)
        return our_step(full, 1) if library == "sklstm" else torch_step(full)

    make((8, 4, *size[2:]))()
    step = make(size)
    before = peak()
    start = time.perf_counter()
    step()
    return {"bytes": peak() - before, "seconds": time.perf_counter() - start}


def measured(library: str, size: tuple[int, int, int, int]) -> dict[str, float]:
    """`growth` in a process of its own."""
    program = (
        "import json; from tests.benchmarks.memory import growth; "
        f"print(json.dumps(growth({library!r}, {size!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    print(describe_machine() + "\n")
    print("| batch, T, D, H | library | peak memory of a step | seconds |\n|---|---|---|---|")
    for size in SIZES:
        for library in ("torch", "sklstm"):
            result = measured(library, size)
            print(
                f"| {', '.join(map(str, size))} | {library} | {result['bytes'] / 1e6:.0f} MB | "
                f"{result['seconds']:.2f} |",
                flush=True,
            )
    print("\n| T, at batch 32, D 8, H 64 | seconds of a step | for ten times T |\n|---|---|---|")
    last = None
    for n_timesteps in (100, 1000, 10_000):
        seconds = min(measured("sklstm", (32, n_timesteps, 8, 64))["seconds"] for _ in range(3))
        ratio = "" if last is None else f"{seconds / last:.1f} times"
        print(f"| {n_timesteps} | {seconds:.4f} | {ratio} |", flush=True)
        last = seconds


if __name__ == "__main__":
    main()
