#!/usr/bin/env bash
# The tests on the oldest versions that pyproject.toml allows, of the dependencies and of the
# extra "test", in a virtual environment of their own. Arguments go to pytest:
#
#     tests/floors.sh                # all tests
#     tests/floors.sh tests/datasets
#
# PYTHON names the interpreter: 3.11 or 3.12, the oldest Numba knows no later one.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)

fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))'
for python in ${PYTHON:-python3.11 python3.12 python3}; do
    if "$python" -c "$fits" 2>/dev/null; then break; fi
    python=
done
if [ -z "$python" ]; then
    echo "floors.sh needs Python 3.11 or 3.12, found none as ${PYTHON:-python3.11, python3.12 or" \
        "python3}. Install one, or set PYTHON to its path." >&2
    exit 1
fi

# each "name>=version" as "name==version"
floors=$("$python" -c '
import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
requirements = project["dependencies"] + project["optional-dependencies"]["test"]
print(*(requirement.replace(">=", "==") for requirement in requirements))
' "$root/pyproject.toml")
printf '%s, %s\n' "$("$python" --version)" "$floors"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
bin="$folder/venv/bin"
[ -d "$bin" ] || bin="$folder/venv/Scripts" # Windows
# shellcheck disable=SC2086 # one word for each requirement
"$bin/pip" install --quiet "$root" $floors
cd "$root"
# the oldest Numba must not read what a newer one has stored, nor the other way round
NUMBA_CACHE_DIR="$folder/numba" "$bin/pytest" "$@"
