# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by engine.sh: what is special about libvirt, which runs QEMU; see daemon.sh.
NAME=libvirt
# The one daemon, or the one of QEMU's own.
PROGRAM=libvirtd
command -v libvirtd >/dev/null || ! command -v virtqemud >/dev/null || PROGRAM=virtqemud
UNITS=(libvirtd virtqemud.socket)
NO_KVM=/run/featherbench-no-kvm

answers() {
  local mode
  for mode in legacy direct; do
    ! timeout 5 virsh --quiet --connect "qemu:///system?mode=$mode" uri >/dev/null 2>&1 || return 0
  done
  return 1
}

# Whether a guest was seen to run under KVM: the device alone proves nothing.
kvm_is_usable() {
  PYTHONPATH=$here/../scripts "$here/../.venv/bin/python" -m featherbench.vm.libvirt.kvm_probe >/dev/null 2>&1
}

# Where KVM is there and does not work, libvirtd would look at it for half a minute before each guest. It is given a device
# that nobody may open: with /dev/null itself, which all may open, it would think of KVM and look as long.
start_plain() {
  mkdir -p /run/libvirt
  lives virtlogd || detached virtlogd
  if [[ ! -e /dev/kvm ]] || kvm_is_usable; then
    detached "$PROGRAM"
  else
    echo "featherbench set-up: KVM does not work here, so that $PROGRAM does not get to see it"
    [[ -e $NO_KVM ]] || mknod -m 000 "$NO_KVM" c 1 3
    # shellcheck disable=SC2016 # it is the shell inside that expands
    detached "$PROGRAM" -- unshare --mount sh -c \
      'mount --make-rprivate / && mount --bind "$0" /dev/kvm && exec "$1"' "$NO_KVM" "$PROGRAM"
  fi
}
