# SPDX-License-Identifier: Apache-2.0
# Run in dom0 by `sh -s -- FOLDER CONFIG [OPTION ...]`: makes xl create a domain. If the caller is killed, xl continues
# with the lock: detach.sh waits for its end, so that the domain does not appear after everything was removed.
set -eu
folder=$1 config=$2
shift 2
exec 9>"$folder/lock"
flock 9
xl create -q -e "$@" "$config"
