# SPDX-License-Identifier: Apache-2.0

import os
import resource
from pathlib import Path

from featherbench.records.tuning import Tuning
from featherbench.system import sysctls

RANGE = "net.ipv4.ip_local_port_range"
TUNING = Tuning(net_sysctls={"net.core.somaxconn": "1024", RANGE: "1024 65535"}, nofile=None)
# the files of two sysctls and /proc/PID/limits, of Linux 6.1
SOMAXCONN_FILE, RANGE_FILE, LIMITS_FILE = (
    Path(f"/proc/{name}")
    for name in ("sys/net/core/somaxconn", "sys/net/ipv4/ip_local_port_range", "1/limits")
)
FILES = {SOMAXCONN_FILE: "4096\n", RANGE_FILE: "32768\t60999\n"}
LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max processes             96256                96256                processes
Max open files            20000                1048576              files
"""


def test_the_output_of_sysctl_is_parsed():
    output = f"net.core.somaxconn = 4096\n{RANGE} = 32768\t60999\n"
    assert sysctls.parse_sysctl(output) == {"net.core.somaxconn": "4096", RANGE: "32768 60999"}


def test_the_files_are_in_the_order_of_the_tuning():
    assert sysctls.sysctl_files(TUNING) == [
        "/proc/sys/net/core/somaxconn",
        "/proc/sys/net/ipv4/ip_local_port_range",
    ]


def test_what_is_in_force_is_parsed_from_their_contents():
    values = {"net.core.somaxconn": "4096", RANGE: "32768 60999"}
    limits = str(LIMITS_FILE)
    assert sysctls.in_force(FILES, TUNING, limits) == values
    with_limit = TUNING.model_copy(update={"nofile": 1})
    files = {RANGE_FILE: FILES[RANGE_FILE], LIMITS_FILE: LIMITS}
    hidden = values | {"net.core.somaxconn": sysctls.HIDDEN, "nofile": "20000"}
    assert sysctls.in_force(files, with_limit, limits) == hidden


def test_what_is_in_force_for_a_process_of_this_machine_is_read():
    tuning = Tuning(net_sysctls={"net.core.somaxconn": "128"}, nofile=1024)
    assert sysctls.of_process(os.getpid(), tuning) == {
        "net.core.somaxconn": Path("/proc/sys/net/core/somaxconn").read_text().strip(),
        "nofile": str(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
    }
    assert sysctls.of_process(os.getpid(), Tuning(net_sysctls={}, nofile=None)) == {}
