#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for Xen's tools where this machine is dom0: takes what they take, and answers alike.

The name it is called by says which tool it is. Domains are files in FAKE_XEN: what they were made
of, and how they are. A kernel with the word `refused` in it is none that Xen can boot, one with
`crashes` crashes at once, and one with `slow` is slow to be made; the others block. Answers and
statuses are those of Xen 4.17.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ["FAKE_XEN"])
HEAD = "Name                                        ID   Mem VCPUs\tState\tTime(s)\n"
SLOW_S = 2.0
INFO = "xen_version            : 4.17.7\nxen_scheduler          : credit2\n"


def fail(message, status=1):
    sys.stderr.write(message + "\n")
    sys.exit(status)


def note():
    with (FOLDER / "asked").open("a") as asked:
        asked.write(json.dumps([Path(sys.argv[0]).name, *sys.argv[1:]]) + "\n")


def value(config, key):
    found = re.search(rf"^{key} = (.*)$", config, re.MULTILINE)
    return found and json.loads(found[1])


def domains():
    return {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.domain")}


def write(name, domain):
    (FOLDER / f"{name}.domain").write_text(json.dumps(domain))


def known(name):
    if name not in domains():
        fail(f"{name} is an invalid domain identifier (rc=-6)")
    return domains()[name]


def create(*words):
    config = Path(words[-1]).read_text()
    kernel = Path(value(config, "kernel")).read_bytes()
    if b"refused" in kernel:
        fail("xc: error: panic: xc_dom_core.c:689: xc_dom_find_loader: no loader found", 3)
    if b"slow" in kernel:
        time.sleep(SLOW_S)
    state = "---sc-" if b"crashes" in kernel else "-b----"
    state = "--p---" if "-p" in words else state
    number = 1 + len(list(FOLDER.glob("*.console")))
    (FOLDER / f"{number}.console").write_text("said by the guest\n")
    made = {"number": number, "memory": value(config, "memory"), "state": state}
    write(value(config, "name"), {**made, "config": config})


def listing(*names):
    sys.stdout.write(HEAD)
    for name in names or domains():
        one = known(name)
        numbers = f"{one['number']:5} {one['memory']:5} {1:5}"
        sys.stdout.write(f"{name:40} {numbers}     {one['state']}       0.5\n")


def unpause(name):
    write(name, {**known(name), "state": "-b----"})


def shutdown(name):
    write(name, {**known(name), "state": "---s--"})


def destroy(name):
    known(name)
    (FOLDER / f"{name}.domain").unlink()


def xenstore_read(key):
    number = re.fullmatch(r"/local/domain/(\d+)/console/tty", key)
    if not number or not (FOLDER / f"{number[1]}.console").exists():
        fail(f"xenstore-read: couldn't read path {key}")
    sys.stdout.write(f"{FOLDER}/{number[1]}.console\n")


def xenstore_write(key, text):
    (FOLDER / "xenstore").write_text(f"{key}={text}")


XL = {
    "create": create,
    "list": listing,
    "unpause": unpause,
    "shutdown": shutdown,
    "destroy": destroy,
    "info": lambda: sys.stdout.write(INFO),
}

if __name__ == "__main__":
    note()
    if Path(sys.argv[0]).name == "xl":
        XL.get(sys.argv[1], lambda *_: fail("command not implemented"))(*sys.argv[2:])
    else:
        globals()[Path(sys.argv[0]).name.replace("-", "_")](*sys.argv[1:])
