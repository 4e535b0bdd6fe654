#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: setup/engine.sh [docker] [lxd] [libvirt]
# Makes sure that these engines answer (default: all of them): asks systemd to start them, or starts them itself without
# systemd. It never starts a second one if one is running. It names an engine that cannot run, and continues with the others.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source "$here/root.sh"
source "$here/daemon.sh"
if [[ $EUID -ne 0 ]]; then
  as_root "$here/engine.sh" "$@"
  exit
fi
PATH=$PATH:/usr/sbin:/sbin

one() {
  [[ -f $here/engines/$1.sh ]] || fail "there is no engine '$1': choose among docker, lxd and libvirt"
  # shellcheck source=/dev/null
  source "$here/engines/$1.sh"
  bring_up
}

main() {
  local engine failed=0
  if [[ $# -eq 1 ]]; then
    one "$1"
    return
  fi
  [[ $# -gt 0 ]] || set -- docker lxd libvirt
  for engine in "$@"; do
    "$here/engine.sh" "$engine" || failed=1
  done
  return "$failed"
}

main "$@"
