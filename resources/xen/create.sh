# SPDX-License-Identifier: Apache-2.0
# Reads by `sh -s -- FOLDER CONFIG [OPTION ...]` in dom0: has xl create a domain. Whoever asked for it may be killed, and xl
# goes on, with the lock: `detach` waits for its end, lest the domain appear after all has been removed.
set -eu
folder=$1 config=$2
shift 2
exec 9>"$folder/lock"
flock 9
xl create -q -e "$@" "$config"
