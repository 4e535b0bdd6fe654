#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a guest's engine on the guest's disk without booting the guest, as the first process of its own namespaces:
#   unshare --mount --net --ipc --pid --fork sh engine_on_disk.sh DISK FOLDER PROGRAM [ARGUMENT ...]
# pivot_root makes the disk the root there. With chroot only, an engine that enters its own mount namespace again, as LXD
# does, would leave the disk and change this machine's files.
set -eu
disk=$1 root=$2
shift 2
mount --make-rprivate /
mount -o loop,discard "$disk" "$root" # removed blocks become holes in the file
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
ip link set lo up
cd "$root"
pivot_root . mnt
exec chroot . sh -c 'umount -l /mnt && exec "$@"' sh "$@"
