# SPDX-License-Identifier: Apache-2.0

from builders import DATA
from featherbench.system.fingerprint import fingerprint

BARE_METAL, VIRTUAL, MEMORY = (
    (DATA / "procfs" / name).read_text() for name in ("cpuinfo_bare", "cpuinfo_virtual", "meminfo")
)


def test_the_fingerprint_follows_stable_facts_only(tree):
    files = {
        "proc/cpuinfo": BARE_METAL,
        "proc/meminfo": MEMORY,
        "proc/sys/kernel/osrelease": "6.1.0-28-amd64",
        "proc/loadavg": "0.00 0.00 0.00 1/108 9147",
    }
    first = fingerprint(tree(**files))
    assert first == fingerprint(tree(**{"proc/loadavg": "7.00 5.00 3.00 1/108 1"}))
    a_page_less = MEMORY.replace("24683656", "24683652")
    assert first == fingerprint(tree(**{"proc/meminfo": a_page_less}))
    assert first != fingerprint(tree(**{"proc/cpuinfo": VIRTUAL}))
    tree(**{"proc/cpuinfo": BARE_METAL})
    assert first == fingerprint(tree())
    assert first != fingerprint(tree(**{"proc/sys/kernel/osrelease": "6.1.0-29-amd64"}))
