#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for `bin/sysctl` of rumpctrl: NetBSD's sysctl, on the guest that RUMP_SERVER names.

The guest is a file of JSON, which FAKE_RUMPCTRL names: its values by name, its MAXFILES, and where
it listens. What this is told is noted there. Limits behave as NetBSD's do: one beyond MAXFILES is
cut to that, and a soft one beyond the hard one is refused. See sys/kern/kern_resource.c and
sbin/sysctl/sysctl.c of NetBSD, and remoteinit.c of rumpctrl.
"""

import json
import os
import re
import sys
from pathlib import Path

LIMIT = re.compile(r"(proc\.\d+\.rlimit\.descriptors)\.(soft|hard)")


def fail(message):
    sys.stderr.write(f"{message}\n")
    sys.exit(1)


def write(guest, assignment):
    name, _, value = assignment.partition("=")
    before = guest["values"].get(name)
    if before is None:
        fail(f"sysctl: {name}: sysctl() failed with No such process")
    limit = LIMIT.fullmatch(name)
    if limit[2] == "soft" and int(value) > guest["values"][f"{limit[1]}.hard"]:
        fail(f"sysctl: {name}: sysctl() failed with Invalid argument")
    guest["values"][name] = min(int(value), guest["maxfiles"])
    sys.stdout.write(f"{name}: {before} -> {value}\n")


def main():
    file = Path(os.environ["FAKE_RUMPCTRL"])
    guest = json.loads(file.read_text())
    guest["told"].append([os.environ.get("RUMP_SERVER"), *sys.argv[1:]])
    if os.environ.get("RUMP_SERVER") != guest["listens"]:
        file.write_text(json.dumps(guest))
        fail("rumpclient init failed")
    option, what = sys.argv[1:]
    if option == "-w":
        write(guest, what)
    elif guest["values"].get(what) is not None:
        sys.stdout.write(f"{guest['values'][what]}\n")
    file.write_text(json.dumps(guest))


if __name__ == "__main__":
    main()
