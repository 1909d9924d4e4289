"""Exported models on a microcontroller: how much flash, stack and memory a C file needs.

    python -m tests.benchmarks.device

It needs a cross compiler, on Debian `apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi`.
Nothing runs: the compiler and the linker say the sizes, for an Arm Cortex-M4 with a unit for single
precision. A program without the model is taken off those with it, so that `math.h` is counted.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels
from sklstm.export import to_c

OPTIONS = [
    "-std=c99", "-Os", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16",
    "-ffunction-sections", "-fdata-sections", "-fstack-usage", "--specs=nano.specs",
    "-Wl,--gc-sections",
]  # fmt: skip
STREAM = {"bidirectional": False, "scale": "channel"}
NETWORKS: list[dict[str, object]] = [
    {"hidden_size": 8} | STREAM, {"hidden_size": 32} | STREAM, {"hidden_size": 32}, {},
]  # fmt: skip
N_TIMESTEPS = 32  # of the workspace of a network that reads whole sequences

EMPTY = "int main(void) { return 0; }"
PROGRAM = """
#include "model.h"
static float x[@X@], out[MODEL_N_OUTPUTS];
volatile float seen;
@MEMORY@
int main(void)
{
    @CALL@
    seen = out[0];
    return 0;
}
"""
EXIT = "void _exit(int code) { (void)code; for (;;) {} }\n"
STEP = "static model_state state;", "model_init(&state); model_step(&state, x, out);"
WHOLE = (
    f"static float workspace[MODEL_WORKSPACE({N_TIMESTEPS})];",
    f"model_predict(x, {N_TIMESTEPS}, workspace, out);",
)


def program_of(header: str) -> str:
    """Return a program that calls a model once."""
    memory, call = STEP if "model_step" in header else WHOLE
    n_steps = 1 if "model_step" in header else N_TIMESTEPS
    text = PROGRAM.replace("@MEMORY@", memory).replace("@CALL@", call)
    return text.replace("@X@", f"{n_steps} * MODEL_N_CHANNELS")


def built(folder: Path, program: str, *files: str) -> tuple[int, int]:
    """Return the bytes of flash and of memory of a linked program."""
    (folder / "main.c").write_text(EXIT + program)
    command = ["arm-none-eabi-gcc", *OPTIONS, "-o", "program.elf", "main.c", *files, "-lm"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    done = subprocess.run(
        ["arm-none-eabi-size", "program.elf"], cwd=folder, check=True, capture_output=True
    )
    text, data, bss = map(int, done.stdout.split(b"\n")[1].split()[:3])
    return text + data, data + bss


def measure(settings: dict[str, object]) -> str:
    """Return the row of a table."""
    X, y = load_japanese_vowels(return_X_y=True, subset="train")
    model = LSTMClassifier(max_iter=1, random_state=0, **settings).fit(X, y)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        without = built(folder, EMPTY)
        to_c(model, folder / "model.c")
        header = (folder / "model.h").read_text()
        flash, memory = built(folder, program_of(header), "model.c")
        (usage,) = folder.glob("*model.su")
        stack = sum(int(n) for n in re.findall(r"\t(\d+)\t", usage.read_text()))
    kind = ", ".join(f"{key}={value!r}" for key, value in settings.items()) or "defaults"
    sizes = f"{(flash - without[0]) / 1024:.1f} kB | {stack / 1024:.1f} kB"
    return f"| {kind} | {len(model.theta_):,} | {sizes} | {(memory - without[1]) / 1024:.1f} kB |"


def main() -> None:
    """Print the table."""
    version = subprocess.run(["arm-none-eabi-gcc", "-dumpversion"], capture_output=True, text=True)
    print(f"arm-none-eabi-gcc {version.stdout.strip()}, {' '.join(OPTIONS)}\n")
    print("| network | parameters | flash | stack, at most | other memory |")
    print("|---|---|---|---|---|")
    for settings in NETWORKS:
        print(measure(settings), flush=True)


if __name__ == "__main__":
    main()
