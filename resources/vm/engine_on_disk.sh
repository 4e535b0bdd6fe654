#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a guest's engine on the guest's disk, as the first process of namespaces of its own, without the guest:
#   unshare --mount --net --ipc --pid --fork sh engine_on_disk.sh DISK FOLDER PROGRAM [ARGUMENT ...]
# The disk is the root there, and not by chroot alone: an engine that enters its own mount namespace again, as LXD does,
# would leave that, and be at work on this machine's files.
set -eu
disk=$1 root=$2
shift 2
mount --make-rprivate /
mount -o loop,discard "$disk" "$root" # what is removed becomes a hole again
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
ip link set lo up
cd "$root"
pivot_root . mnt
exec chroot . sh -c 'umount -l /mnt && exec "$@"' sh "$@"
