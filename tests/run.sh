#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/run.sh short|long|all [arguments for pytest]
# Runs the tests that are not marked `slow`, those that are, or both. Two streams run side by side: tests that use this
# machine's engines, one after the other, and the rest on all processors, each process with a network and mounts of its own.
# Those on the tests' own Xen end the second stream, one after the other: each would keep a processor busy.
set -euo pipefail

readonly NOTHING_SELECTED=5

case ${1:-} in
  short) selected="not benchmark and not slow" ;;
  long) selected="not benchmark and slow" ;;
  all) selected="not benchmark" ;;
  *) echo "usage: tests/run.sh short|long|all [arguments for pytest]" >&2 && exit 2 ;;
esac
shift

fails() { (($1 != 0 && $1 != NOTHING_SELECTED)); }

# The machine's tests are the longer stream, and mostly keep one processor busy: the rest takes what they leave. For Linux with
# automatic groups (sched(7)), `nice` says nothing about processes of other sessions, such as the guests that libvirtd runs.
yielding() {
  exec setsid nice sh -c '{ echo 10 >/proc/self/autogroup; } 2>/dev/null || true; exec "$@"' sh "$@"
}

# Runs pytest with such an expression, and so much in parallel; notes a failure in `failed`.
stream() {
  local status=0
  yielding pytest --numprocesses "$2" --dist loadfile --no-loadscope-reorder -m "$1 and $selected" \
    -o cache_dir=.pytest_cache/rest --durations 20 "${@:3}" &
  running=$!
  wait "$running" || status=$?
  if fails "$status"; then failed=1; fi
}

without_engines() {
  local failed=0 running=
  trap 'kill "$running" 2>/dev/null; exit 1' TERM
  stream "not machine and not xen" auto "$@"
  if [[ $selected != *"not slow"* ]]; then stream "xen" 1 "$@"; fi
  return "$failed"
}

rest_output=$(mktemp)
without_engines "$@" >"$rest_output" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; rm -f "$rest_output"' EXIT

machine=0
pytest -m "machine and $selected" --durations 20 "$@" || machine=$?
rest=0
wait "$pid" || rest=$?
cat "$rest_output"
if fails "$machine" || ((rest != 0)); then exit 1; fi
