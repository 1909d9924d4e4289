"""Peak memory of a training step, and growth of its time with the length of sequences.

    python -m tests.benchmarks.memory

Each figure is the increase of the peak resident memory of a new process by the step. Before it,
a step on a small batch has loaded everything.
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
    """Return the peak resident memory of this process in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT


def growth(library: str, size: tuple[int, int, int, int]) -> dict[str, float]:
    """Measure peak memory and seconds of one step in this process."""
    from tests.benchmarks.training import our_step, torch_step

    def make(shape):
        """Return a training step of the library."""
        full = (*shape, 1, False)
        return our_step(full, 1) if library == "sklstm" else torch_step(full)

    make((8, 4, *size[2:]))()
    step = make(size)
    before = peak()
    start = time.perf_counter()
    step()
    return {"bytes": peak() - before, "seconds": time.perf_counter() - start}


def measured(library: str, size: tuple[int, int, int, int]) -> dict[str, float]:
    """Run `growth` in a new process."""
    program = (
        "import json; from tests.benchmarks.memory import growth; "
        f"print(json.dumps(growth({library!r}, {size!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print both tables."""
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
