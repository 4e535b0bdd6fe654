# SPDX-License-Identifier: Apache-2.0
"""Boots the tests' dom0 for work by hand, until it is interrupted."""

import signal
import sys
from contextlib import suppress

from xen.machine import running

# Shells have their background jobs ignore the one, and the other would leave a folder behind.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.default_int_handler)
with suppress(KeyboardInterrupt), running() as dom0:
    sys.stdout.write(f"ssh -F {dom0.ssh_config} node\n")
    sys.stdout.write(f"data tap {dom0.data_tap}, in dom0 {dom0.bridge}; console {dom0.console}\n")
    sys.stdout.flush()
    signal.pause()
