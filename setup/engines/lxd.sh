# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by engine.sh: what is special about LXD, or Incus in its place; see daemon.sh.
# It gets no pool, network or profile here: the driver makes its own, and nobody's default ones change.
NAME=LXD
PROGRAM=lxd
UNITS=(lxd snap.lxd.daemon incus)
FOLDERS=(${LXD_DIR:+"$LXD_DIR"} ${INCUS_DIR:+"$INCUS_DIR"} /var/lib/lxd /var/snap/lxd/common/lxd /run/incus /var/lib/incus)
LXCFS=/var/lib/lxcfs

answers() {
  answers_at /internal/ready "${FOLDERS[@]/%//unix.socket}"
}

# What a container sees of its own memory and CPUs. One that was killed leaves a mount that nobody serves.
start_lxcfs() {
  command -v lxcfs >/dev/null && ! lives lxcfs || return 0
  umount --lazy "$LXCFS" 2>/dev/null || true
  mkdir -p "$LXCFS"
  detached lxcfs "$LXCFS"
}

start_plain() {
  mount_cgroups
  mount_books_of_systemd
  start_lxcfs
  detached lxd --group root
}
