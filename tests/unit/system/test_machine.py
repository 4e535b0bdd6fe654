# SPDX-License-Identifier: Apache-2.0
"""What every machine does by running programs, and what this one does without."""

from pathlib import Path

import pytest

from builders import DATA, TreeMachine, write_tree
from featherbench.system.machine import LOCAL, Counters, Machine, parse_files
from featherbench.system.procfs import CpuTicks

CPU = "sys/devices/system/cpu"


class MachineOfPrograms(Machine):
    """This machine, as if it could do nothing but run programs."""

    name = "programs"
    description = "a machine of programs"

    def command(self, argv):
        return ["env", *argv]

    def put(self, file, to):
        raise NotImplementedError

    def socket(self, path):
        raise NotImplementedError


@pytest.fixture(params=[LOCAL, MachineOfPrograms()], ids=["local", "by programs"])
def machine(request):
    return request.param


def test_a_listing_of_files_is_parsed_exactly():
    """As `tail --verbose --lines=+1` of coreutils 9.1 prints it; one file does not exist."""
    files = parse_files((DATA / "procfs/tail_verbose").read_text())
    assert files[Path("/proc/1/cgroup")] == "0::/init.scope\n"
    assert files[Path("/sys/fs/cgroup/empty")] == ""
    assert files[Path("/proc/self/mountinfo")].splitlines()[-1].startswith("25 28")
    assert parse_files("") == {}


def test_files_that_do_not_exist_are_left_out(machine, tmp_path):
    (tmp_path / "a").write_text("text\nof two lines\n")
    missing = [tmp_path / "missing", tmp_path / "a" / "no-folder"]
    assert machine.read([tmp_path / "a", *missing]) == {tmp_path / "a": "text\nof two lines\n"}


def test_a_refused_write_is_an_error_of_the_system(machine, tmp_path):
    machine.write(tmp_path / "a", "text")
    assert (tmp_path / "a").read_text() == "text"
    with pytest.raises(OSError, match="No such file"):
        machine.write(tmp_path / "missing" / "a", "text")


def test_counters_and_cores_are_those_of_the_kernel(machine):
    counters, cores = machine.counters(), machine.cores()
    assert counters.cpus
    assert cores.keys() <= counters.cpus.keys()
    assert all(cpu in core for cpu, core in cores.items())


def test_a_program_runs_and_a_long_one_is_started(machine, tmp_path):
    assert machine.run(["cat"], timeout_s=5, stdin="x").stdout == "x"
    started = machine.start(["echo", "long"], output=tmp_path / "out")
    assert started.wait(timeout=5) == 0
    assert (tmp_path / "out").read_text() == "long\n"


def test_the_difference_of_counters_is_of_each_cpu():
    first, second = (
        Counters(cpus={1: CpuTicks(busy=n, steal=n, total=3 * n)}, swapped_pages=n) for n in (1, 5)
    )
    assert second - first == Counters(
        cpus={1: CpuTicks(busy=4, steal=4, total=12)}, swapped_pages=4
    )


def machine_with(tmp_path, online, threads, allowed):
    files = {f"{CPU}/cpu{n}/topology/thread_siblings_list": text for n, text in threads.items()}
    status = f"Name:\tpython\nCpus_allowed_list:\t{allowed}\n"
    root = write_tree(tmp_path, **files, **{f"{CPU}/online": online, "proc/self/status": status})
    return TreeMachine(root=root)


def test_cores_are_those_of_cpus_that_are_online_and_allowed(tmp_path):
    threads = {0: "0,2\n", 1: "1,3\n", 2: "0,2\n", 3: "1,3\n"}
    machine = machine_with(tmp_path, "0-2\n", threads, "0-7")
    assert machine.cores() == {0: {0, 2}, 1: {1}, 2: {0, 2}}
    assert machine_with(tmp_path, "0-3\n", threads, "1").cores() == {1: {1, 3}}


def test_an_isolated_cpu_that_is_named_may_be_used_and_one_of_another_cpuset_may_not(tmp_path):
    machine = machine_with(tmp_path, "0-3\n", {}, "0-1")  # isolcpus=2; 3 is not in our cpuset
    object.__setattr__(machine, "_may_use", lambda cpu: cpu == 2)
    assert machine.cores() == {0: {0}, 1: {1}}
    assert machine.cores((1, 2, 3, 9)) == {0: {0}, 1: {1}, 2: {2}}


def test_a_machine_without_topology_has_single_cores(tmp_path):
    assert machine_with(tmp_path, "0-1\n", {}, "0-1").cores() == {0: {0}, 1: {1}}


def test_a_file_is_copied_here_unless_it_is_there_already(tmp_path):
    (tmp_path / "a").write_text("x")
    LOCAL.put(tmp_path / "a", tmp_path / "a")
    LOCAL.put(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "x"
    assert LOCAL.socket(tmp_path / "s") == tmp_path / "s"
