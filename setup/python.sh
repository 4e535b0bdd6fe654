#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: setup/python.sh [dev]
# Creates .venv from the lock file with hashes, and the command `featherbench` in it; with "dev" also the tools for checks and
# tests. A stamp file names what the environment was made from. It is written last: an interrupted set-up starts again, a
# finished one is not repeated.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source "$here/root.sh"
source "$here/interpreter.sh"
cd "$here/.."
venv=$PWD/.venv

# An environment cannot be moved, so its path is part of the stamp.
identity() {
  echo "$venv $(sha256sum "$1")"
}

is_done() {
  [[ $(cat "$venv/$1.done" 2>/dev/null) == "$(identity "$1")" ]] && "$venv/bin/python" -c '' 2>/dev/null
}

create() {
  local python
  python=$(find_python) || fail "no Python 3.11 to 3.13 with its venv module and its headers: run setup/packages.sh first"
  echo "featherbench set-up: making .venv with $python"
  rm -rf "$venv"
  "$python" -m venv "$venv"
  echo "$PWD/scripts" >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/featherbench.pth"
}

# Everything has a hash: build dependencies also come from a lock file, because of --no-build-isolation.
pip_install() {
  local output
  output=$("$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-build-isolation \
    --require-hashes -r "$1" 2>&1) && return
  printf '%s\n' "$output" >&2
  fail "pip could not install $1: $(advice "$output")"
}

install() {
  echo "featherbench set-up: installing $1 into .venv"
  rm -f "$venv/$1.done"
  pip_install "$1"
  identity "$1" >"$venv/$1.done"
}

# What `.venv/bin/activate` puts on PATH. -P: modules in the user's folder are none of ours.
write_command() {
  printf '#!/bin/sh\nexec %q -P -m featherbench "$@"\n' "$venv/bin/python" >"$venv/bin/featherbench"
  chmod 755 "$venv/bin/featherbench"
}

main() {
  [[ $PWD != *\"* ]] || fail "neither pip nor apt can handle the double quote in $PWD: rename the folder"
  if ! is_done requirements.lock; then
    create
    pip_install setup/installer.lock
    install requirements.lock
  fi
  if [[ ${1:-} == dev ]] && ! is_done requirements-dev.lock; then
    install requirements-dev.lock
  fi
  write_command
}

main "$@"
