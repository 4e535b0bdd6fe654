# SPDX-License-Identifier: Apache-2.0
# Run in dom0 by `sh -s -- FOLDER NAME FILE ACCESS [FILE ACCESS ...]`: makes a block device of each file, and prints its
# name. With ACCESS `ro` it is read-only; with `rw` writes go to a file in FOLDER, and FILE does not change.
# Needs losetup, blockdev, flock (util-linux), truncate and dmsetup. As in create.sh, the lock makes detach.sh wait for
# the programs started here, even if this script is killed.
set -eu
folder=$1 name=$2
shift 2
exec 9>"$folder/lock"
flock 9
# Makes a loop device of the file $1, with the options after it, and sets `loop` to its name. The name is recorded
# first, because this script may be killed in between. Another process may take the same device meanwhile.
take() {
  file=$1
  shift
  for attempt in 1 2 3 4 5; do
    loop=$(losetup --find)
    echo "$loop $file" >>"$folder/loops"
    ! losetup "$@" "$loop" "$file" || return 0
    # The other process may use it for the same image: detach.sh must not remove it.
    sed -i '$d' "$folder/loops"
  done
  echo "no loop device can be made of $file, in $attempt attempts" >&2
  return 1
}
number=0
while [ $# -gt 0 ]; do
  take "$1" --read-only
  base=$loop
  if [ "$2" = ro ]; then
    echo "$base"
  else
    sectors=$(blockdev --getsz "$base")
    # A little larger than the disk: written chunks also need entries in a table.
    truncate --size "$((sectors * 512 + sectors * 8 + 1048576))" "$folder/written$number"
    take "$folder/written$number"
    dmsetup create "$name-$number" --table "0 $sectors snapshot $base $loop N 16"
    # The kernel's name of the device: without udev there is no other.
    device=$(dmsetup info --columns --noheadings -o blkdevname "$name-$number")
    echo "/dev/$device"
  fi
  number=$((number + 1))
  shift 2
done
