# SPDX-License-Identifier: Apache-2.0
# Run in dom0 by `sh -s -- FOLDER NAME`: ends the domain NAME, and removes what attach.sh made for it. No error if it is
# gone already.
set -u
folder=$1 name=$2
if [ -d "$folder" ]; then
  exec 9>"$folder/lock"
  flock 9
fi
xl destroy "$name" 2>/dev/null
# xl may fail, or report a failure although it succeeded: what counts is whether the domain is still listed.
attempts=0
while output=$(xl list "$name" 2>&1); do
  attempts=$((attempts + 1))
  if [ $attempts -gt 50 ]; then
    echo "xl does not destroy $name" >&2
    exit 1
  fi
  sleep 0.1
done
# Any other failure says nothing about the domain, unless Xen does not run: then there is none.
case $output in
*"invalid domain identifier"*) ;;
*)
  if grep -qs control_d /proc/xen/capabilities; then
    echo "xl cannot list $name: $output" >&2
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
    # After a reboot, or after an earlier attempt, another process may use it.
    [ "$(cat "/sys/block/${loop##*/}/loop/backing_file" 2>/dev/null)" = "$file" ] || continue
    losetup --detach "$loop" || exit 1
  done <"$folder/loops"
fi
rm -rf "$folder"
