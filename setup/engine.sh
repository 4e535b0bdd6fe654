#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sees to it that a Docker engine answers: asks systemd to start it, or where no systemd runs starts dockerd itself.
# Never a second one beside an engine that lives.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source "$here/root.sh"
if [[ $EUID -ne 0 ]]; then
  as_root "$here/engine.sh"
  exit
fi
PATH=$PATH:/usr/sbin:/sbin

SOCKET=/var/run/docker.sock
LOG=/var/log/featherbench-dockerd.log
DEADLINE_S=60
# The engine's own networks stay within the addresses for benchmarking (RFC 2544), as all of ours do.
ADDRESSES=(--bip 198.18.254.1/24 --default-address-pool "base=198.18.128.0/17,size=24")

answers() {
  curl --silent --fail --max-time 5 --output /dev/null --unix-socket "$SOCKET" http://localhost/_ping
}

# Waits until the engine answers; fails at the deadline, or as soon as "$@" says that there is nothing to wait for.
wait_for_answer() {
  local deadline=$((SECONDS + DEADLINE_S))
  until answers; do
    ((SECONDS < deadline)) && "$@" || return 1
    sleep 0.2
  done
}

# Only in our own namespaces: an engine inside a container is not this machine's.
engine_lives() {
  pgrep -x dockerd --ns $$ >/dev/null
}

# A killed engine leaves its process ids behind, and refuses to start when another process has such an id by now.
drop_stale_pid() {
  local file=$1 name=$2 pid
  [[ -f $file ]] || return 0
  pid=$(<"$file")
  if [[ $(cat "/proc/$pid/comm" 2>/dev/null) != "$name" ]]; then
    echo "featherbench set-up: removing $file: process $pid is no $name"
    rm -f "$file"
  fi
}

# The engine needs control groups; without an init system nobody may have mounted them.
mount_cgroups() {
  local controller
  mountpoint -q /sys/fs/cgroup && return
  echo "featherbench set-up: mounting the control groups on /sys/fs/cgroup"
  if ! grep -qE '^memory\s.*\s1$' /proc/cgroups; then # a kernel that has version 2 alone
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    return
  fi
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  while read -r controller; do
    mkdir "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
  done < <(awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups)
}

start_with_systemd() {
  echo "featherbench set-up: systemctl start docker"
  systemctl start docker || fail "the Docker engine does not start: see 'journalctl -u docker'"
  wait_for_answer true || fail "the Docker engine started, and does not answer on $SOCKET: see 'journalctl -u docker'"
}

# The engine outlives us: it must not keep what we inherited (a lock, a pipe that somebody reads to its end).
detached() (
  for descriptor in /proc/"$BASHPID"/fd/*; do
    descriptor=${descriptor##*/}
    ((descriptor <= 2)) || exec {descriptor}>&-
  done
  setsid --fork "$@" >>"$LOG" 2>&1 </dev/null
)

start_plain() {
  local -a options=("${ADDRESSES[@]}")
  [[ ! -f /etc/docker/daemon.json ]] || options=() # the owner's own settings win; given twice, dockerd refuses them
  mount_cgroups
  drop_stale_pid /var/run/docker.pid dockerd
  drop_stale_pid /var/run/docker/containerd/containerd.pid containerd
  echo "featherbench set-up: starting dockerd ${options[*]} (its log: $LOG)"
  detached dockerd "${options[@]}"
  wait_for_answer engine_lives || fail "the Docker engine does not start. The end of $LOG:"$'\n'"$(tail -n 5 "$LOG")"
}

main() {
  answers && return
  command -v dockerd >/dev/null || fail "there is no dockerd: run setup/packages.sh first"
  if [[ -d /run/systemd/system ]]; then
    start_with_systemd
  elif engine_lives; then
    echo "featherbench set-up: waiting for the Docker engine that was started already"
    wait_for_answer engine_lives || fail "a dockerd runs, but does not answer on $SOCKET: look at it, or end it"
  else
    start_plain
  fi
  echo "featherbench set-up: the Docker engine answers"
}

main
