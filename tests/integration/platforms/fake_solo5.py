#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for Solo5's tenders: takes what they take, notes it, and ends as they do.

What it does once it has read its arguments is the guest's first argument: `stay`, `exit=N` as by
solo5_exit, `abort` as by solo5_abort. An image is for the tender whose name is in it, beside the
word Solo5. See solo5's docs/building.md and tenders/common.
"""

import json
import os
import signal
import sys
from pathlib import Path

USAGE, ABORTED = 1, 255
CORE_OPTIONS = ("--mem=", "--net:", "--net-mac:", "--block:", "--block-sector-size:")


def fail(message):
    sys.stderr.write(f"{Path(sys.argv[0]).name}: {message}\n")
    sys.exit(USAGE)


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main():
    Path(os.environ["FAKE_SOLO5_LOG"]).write_text(json.dumps(sys.argv))
    if "--" not in sys.argv:
        fail("Missing KERNEL operand")
    at = sys.argv.index("--")
    options, (kernel, *words) = sys.argv[1:at], sys.argv[at + 1 :]
    for option in options:
        if not option.startswith(CORE_OPTIONS):
            fail(f"Invalid option: `{option}'")
    image = Path(kernel).read_bytes()
    if b"Solo5" not in image:
        fail(f"{kernel}: No Solo5 ABI information found in executable")
    if (target := Path(sys.argv[0]).name).encode() not in image:
        fail(f"{kernel}: Executable is not for the {target} target")
    say("            |      ___|\n  __|  _ \\  |  _ \\ __ \\")
    how = words[0]
    if how == "stay":
        signal.pause()
    elif how == "abort":
        say("Solo5: solo5_abort() called")
        sys.exit(ABORTED)
    status = int(how.removeprefix("exit="))
    say(f"Solo5: solo5_exit({status}) called")
    sys.exit(status)


if __name__ == "__main__":
    main()
