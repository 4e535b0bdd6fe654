# SPDX-License-Identifier: Apache-2.0
# Reads by `sh -s -- FOLDER NAME FILE ACCESS [FILE ACCESS ...]` in dom0: makes a block device of each file, and prints
# its name. With ACCESS `ro` it cannot be written to; with `rw` what is written goes to a file in FOLDER, and the
# file stays as it is. Needs losetup, blockdev, flock (util-linux), truncate and dmsetup. As in `create`, `detach` waits
# for what we have started, though we are killed.
set -eu
folder=$1 name=$2
shift 2
exec 9>"$folder/lock"
flock 9
# Makes a loop device of the file $1, with the options after it, and names it in `loop`. It is noted first: we may be
# killed in between. Another may take the same one meanwhile.
take() {
  file=$1
  shift
  for attempt in 1 2 3 4 5; do
    loop=$(losetup --find)
    echo "$loop $file" >>"$folder/loops"
    ! losetup "$@" "$loop" "$file" || return 0
    # Whoever has taken it may have it on the same image: `detach` is not to take that for ours.
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
    # A little more than the disk: what is written is kept in chunks, each with a place in a table.
    truncate --size "$((sectors * 512 + sectors * 8 + 1048576))" "$folder/written$number"
    take "$folder/written$number"
    dmsetup create "$name-$number" --table "0 $sectors snapshot $base $loop N 16"
    # The kernel's own name: without udev there is no other.
    device=$(dmsetup info --columns --noheadings -o blkdevname "$name-$number")
    echo "/dev/$device"
  fi
  number=$((number + 1))
  shift 2
done
