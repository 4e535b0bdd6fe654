# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2153
# Sourced by engine.sh: how to start a daemon. What is specific to one is in its file in engines/, which sets
#   NAME     its name in messages
#   PROGRAM  its program, and the name of its process
#   UNITS    its systemd units: those that exist are started, until it answers
#   answers      a function: succeeds if the daemon answers
#   start_plain  a function: starts it without systemd
DEADLINE_S=60

# Succeeds if an engine answers the question "$1" at one of the Unix sockets "${@:2}": one that exists may be dead.
answers_at() {
  local question=$1 socket
  for socket in "${@:2}"; do
    [[ -S $socket ]] || continue
    if curl --disable --silent --fail --max-time 5 --output /dev/null --unix-socket "$socket" "http://localhost$question"; then
      answering=$socket
      return
    fi
  done
  return 1
}

log_of() {
  echo "/var/log/featherbench-$1.log"
}

# Only in our own namespaces: an engine inside a container does not belong to this machine.
lives() {
  pgrep -x "$1" --ns $$ --nslist pid,net >/dev/null
}

# Waits until the engine answers. Fails at the deadline, or as soon as "$@" fails, that is when the daemon is gone.
# "$@" is not run in the first two seconds: a process that was just started still has the name of its starter.
wait_for_answer() {
  local began=$SECONDS
  until answers; do
    ((SECONDS < began + DEADLINE_S)) || return 1
    ((SECONDS < began + 2)) || "$@" || return 1
    sleep 0.2
  done
}

# A killed engine leaves its pid files behind. It refuses to start if another process has that pid now.
drop_stale_pid() {
  local file=$1 name=$2 pid
  [[ -f $file ]] || return 0
  pid=$(<"$file")
  if [[ $(cat "/proc/$pid/comm" 2>/dev/null) != "$name" ]]; then
    echo "featherbench set-up: removing $file: process $pid is no $name"
    rm -f "$file"
  fi
}

# Container engines need control groups; without an init system they may not be mounted.
mount_cgroups() {
  local controller
  mountpoint -q /sys/fs/cgroup && return
  echo "featherbench set-up: mounting the control groups on /sys/fs/cgroup"
  if ! grep -qE '^memory\s.*\s1$' /proc/cgroups; then # a kernel with version 2 only
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    return
  fi
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  while read -r controller; do
    mkdir "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
  done < <(awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups)
}

# With version 1, systemd in a container tracks its units in a hierarchy without controllers.
mount_books_of_systemd() {
  [[ -d /sys/fs/cgroup/memory ]] && ! mountpoint -q /sys/fs/cgroup/systemd || return 0
  mkdir -p /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
}

# Starts a daemon that outlives this script. It must not keep file descriptors that the script inherited: a lock, or a pipe
# whose reader waits for its end. Its log is named after the first word, or after the name before "--".
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
  local -a tried=()
  for unit in "${UNITS[@]}"; do
    systemctl cat "$unit" >/dev/null 2>&1 || continue
    echo "featherbench set-up: systemctl start $unit"
    tried+=("-u $unit")
    if systemctl start "$unit" && wait_for_answer true; then
      return
    fi
  done
  [[ ${#tried[@]} -gt 0 ]] || fail "there is no $NAME: setup/packages.sh installs it where the system offers one"
  fail "$NAME does not start, or does not answer: see 'journalctl ${tried[*]}'"
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
