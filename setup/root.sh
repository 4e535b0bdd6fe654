# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the other scripts: how to exit with a message, and how to run a command as root.

fail() {
  printf 'featherbench set-up: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -- "$@"
  else
    fail "this step needs root, and there is no sudo: run it again as root (the step was: $*)"
  fi
}
