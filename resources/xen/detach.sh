# SPDX-License-Identifier: Apache-2.0
# Reads by `sh -s -- FOLDER NAME` in dom0: ends the domain NAME, and takes away what `attach` has made for it. No error
# when it is gone already.
set -u
folder=$1 name=$2
if [ -d "$folder" ]; then
  exec 9>"$folder/lock"
  flock 9
fi
xl destroy "$name" 2>/dev/null
# It may have failed, or have told of a failure and done its work: what counts is whether it is still listed.
looks=0
while said=$(xl list "$name" 2>&1); do
  looks=$((looks + 1))
  if [ $looks -gt 50 ]; then
    echo "xl does not destroy $name" >&2
    exit 1
  fi
  sleep 0.1
done
# Any other failure tells nothing of the domain, unless no Xen runs: then there is none.
case $said in
*"invalid domain identifier"*) ;;
*)
  if grep -qs control_d /proc/xen/capabilities; then
    echo "xl does not tell of $name: $said" >&2
    exit 1
  fi
  ;;
esac
number=0
while [ $number -lt 16 ]; do
  ! dmsetup info "$name-$number" >/dev/null 2>&1 || dmsetup remove --retry "$name-$number" || exit 1
  number=$((number + 1))
done
if [ -f "$folder/loops" ]; then
  while read -r loop file; do
    # After a boot, or if this was tried before, another may have it.
    [ "$(cat "/sys/block/${loop##*/}/loop/backing_file" 2>/dev/null)" = "$file" ] || continue
    losetup --detach "$loop" || exit 1
  done <"$folder/loops"
fi
rm -rf "$folder"
