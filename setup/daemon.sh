# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2153
# Sourced by engine.sh: how a daemon is started. What is special about one is in its file in engines/, which sets
#   NAME     what people call it
#   PROGRAM  its program, and the name of its process
#   UNITS    its units of systemd: the first that is there is started
#   answers      a function: whether it answers
#   start_plain  a function: starts it where no systemd runs
DEADLINE_S=60

log_of() {
  echo "/var/log/featherbench-$1.log"
}

# Only in our own namespaces: an engine inside a container is not this machine's.
lives() {
  pgrep -x "$1" --ns $$ --nslist pid,net >/dev/null
}

# Waits until the engine answers; fails at the deadline, or as soon as "$@" says that there is nothing to wait for.
# At first nobody is asked: a daemon that was just started still bears the name of what starts it.
wait_for_answer() {
  local began=$SECONDS
  until answers; do
    ((SECONDS < began + DEADLINE_S)) || return 1
    ((SECONDS < began + 2)) || "$@" || return 1
    sleep 0.2
  done
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

# Engines of containers need control groups; without an init system nobody may have mounted them.
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

# systemd in a container keeps its books in a hierarchy without controllers, where version 1 is in use.
mount_books_of_systemd() {
  [[ -d /sys/fs/cgroup/memory ]] && ! mountpoint -q /sys/fs/cgroup/systemd || return 0
  mkdir -p /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
}

# Starts a daemon that outlives us: it must not keep what we inherited (a lock, a pipe that somebody reads to its end).
# Its log is named for the first word, or for the name before "--".
detached() (
  name=$1
  [[ ${2:-} != -- ]] || shift 2
  echo "featherbench set-up: starting $* (its log: $(log_of "$name"))"
  for descriptor in /proc/"$BASHPID"/fd/*; do
    descriptor=${descriptor##*/}
    ((descriptor <= 2)) || exec {descriptor}>&-
  done
  setsid --fork "$@" >>"$(log_of "$name")" 2>&1 </dev/null
)

start_with_systemd() {
  local unit
  for unit in "${UNITS[@]}"; do
    systemctl cat "$unit" >/dev/null 2>&1 || continue
    echo "featherbench set-up: systemctl start $unit"
    systemctl start "$unit" || fail "$NAME does not start: see 'journalctl -u $unit'"
    wait_for_answer true || fail "$NAME started, and does not answer: see 'journalctl -u $unit'"
    return
  done
  fail "there is no $NAME: setup/packages.sh installs it where the system offers one"
}

start_without_systemd() {
  command -v "$PROGRAM" >/dev/null || fail "there is no $PROGRAM: setup/packages.sh installs it where the system offers one"
  if lives "$PROGRAM"; then
    echo "featherbench set-up: waiting for the $PROGRAM that was started already"
    wait_for_answer lives "$PROGRAM" || fail "a $PROGRAM runs, but does not answer: look at it, or end it"
  else
    start_plain
    wait_for_answer lives "$PROGRAM" ||
      fail "$NAME does not start. The end of $(log_of "$PROGRAM"):"$'\n'"$(tail -n 5 "$(log_of "$PROGRAM")")"
  fi
}

bring_up() {
  answers && return
  if [[ -d /run/systemd/system ]]; then
    start_with_systemd
  else
    start_without_systemd
  fi
  echo "featherbench set-up: $NAME answers"
}
