#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs all tests: those that use this machine's network and engines, and beside them the others, on a loopback of their own.
# Arguments go to pytest.
set -euo pipefail

readonly NOTHING_SELECTED=5

fails() { (($1 != 0 && $1 != NOTHING_SELECTED)); }

others=$(mktemp)
unshare --net sh -c 'ip link set lo up && exec pytest -m "not machine and not benchmark" -o cache_dir=.pytest_cache/others "$@"' \
  sh "$@" >"$others" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; rm -f "$others"' EXIT

machine=0
pytest -m "machine and not benchmark" "$@" || machine=$?
rest=0
wait "$pid" || rest=$?
cat "$others"
if fails "$machine" || fails "$rest"; then exit 1; fi
