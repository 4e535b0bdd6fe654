#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for Solo5's tenders: takes what they take, notes it, and ends as they do.

What it does once it has read its arguments is the guest's first argument: `stay`, `greet` to send
frames and stay, `exit=N` as by solo5_exit, `abort` as by solo5_abort. An image is for the tender
whose name is in it, beside the word Solo5. See solo5's docs/building.md and tenders/common.
"""

import fcntl
import json
import os
import signal
import struct
import sys
import time
from pathlib import Path

USAGE, ABORTED = 1, 255
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
LOCAL_EXPERIMENT = 0x88B5
"""An Ethernet type that nobody answers."""
CORE_OPTIONS = ("--mem=", "--net:", "--net-mac:", "--block:", "--block-sector-size:")


def fail(message):
    sys.stderr.write(f"{Path(sys.argv[0]).name}: {message}\n")
    sys.exit(USAGE)


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def value_of(options, prefix):
    (value,) = (o.partition("=")[2] for o in options if o.startswith(prefix))
    return value


def greet(options):
    """Broadcast, as a guest's network stack does first, on the tap and from the MAC we are told.

    The bridge passes nothing on until it has noticed that the tap is in use: a guest repeats it.
    """
    tap, mac = value_of(options, "--net:"), value_of(options, "--net-mac:")
    card = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(card, TUNSETIFF, struct.pack("16sH22x", tap.encode(), IFF_TAP | IFF_NO_PI))
    sender = bytes.fromhex(mac.replace(":", ""))
    frame = b"\xff" * 6 + sender + struct.pack("!H", LOCAL_EXPERIMENT) + bytes(46)
    while True:
        os.write(card, frame)
        time.sleep(0.1)


def main():
    if log := os.environ.get("FAKE_SOLO5_LOG"):
        Path(log).write_text(json.dumps(sys.argv))
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
    if how == "greet":
        greet(options)
    elif how == "stay":
        signal.pause()
    elif how == "abort":
        say("Solo5: solo5_abort() called")
        sys.exit(ABORTED)
    status = int(how.removeprefix("exit="))
    say(f"Solo5: solo5_exit({status}) called")
    sys.exit(status)


if __name__ == "__main__":
    main()
