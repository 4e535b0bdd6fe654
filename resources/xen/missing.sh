# SPDX-License-Identifier: Apache-2.0
# Reads by `sh -s -- PROGRAM ...` in dom0: prints those that are not there.
for program; do
  command -v "$program" >/dev/null || echo "$program"
done
