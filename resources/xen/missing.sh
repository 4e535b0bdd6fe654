# SPDX-License-Identifier: Apache-2.0
# Run in dom0 by `sh -s -- PROGRAM ...`: prints the programs that are not installed.
for program; do
  command -v "$program" >/dev/null || echo "$program"
done
