#!/usr/bin/env bash
# The tests on the oldest versions that pyproject.toml allows, in a virtual environment of
# their own. Arguments go to pytest:
#
#     tests/floors.sh                # all tests
#     tests/floors.sh tests/datasets
#
# PYTHON names the interpreter; it must be 3.11 or 3.12, which the oldest Numba knows.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# "name>=version" of [project] dependencies, each as "name==version.*". Two exceptions:
# the oldest pandas that goes with numpy 2.0 is 2.2.2, which the installer finds by itself.
floors=$(sed -n '/^dependencies = \[/,/^\]/s/^ *"\([^>]*\)>=\([^"]*\)",*$/\1==\2.*/p' "$root/pyproject.toml")
printf 'floors: %s\n' "$(tr '\n' ' ' <<<"$floors")"

"${PYTHON:-python3.11}" -m venv "$folder/venv"
# shellcheck disable=SC2086 # one word for each requirement
"$folder/venv/bin/pip" install --quiet "$root[test]" $floors
cd "$root"
"$folder/venv/bin/pytest" "$@"
