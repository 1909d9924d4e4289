#!/usr/bin/env bash
# The tests on the oldest versions that pyproject.toml allows, in a virtual environment of
# their own. Arguments go to pytest:
#
#     tests/floors.sh                # all tests
#     tests/floors.sh tests/datasets
#
# PYTHON names the interpreter: 3.11 or 3.12, the oldest Numba knows no later one.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# each "name>=version" of the dependencies in [project] as "name==version"
floors=$(sed -n '/^dependencies = \[/,/^\]/s/^ *"\([^>]*\)>=\([^"]*\)".*$/\1==\2/p' "$root/pyproject.toml")
printf 'floors: %s\n' "$(tr '\n' ' ' <<<"$floors")"

"${PYTHON:-python3.11}" -m venv "$folder/venv"
# shellcheck disable=SC2086 # one word for each requirement
"$folder/venv/bin/pip" install --quiet "$root[test]" $floors
cd "$root"
# the oldest Numba must not read what a newer one has stored, nor the other way round
NUMBA_CACHE_DIR="$folder/numba" "$folder/venv/bin/pytest" "$@"
