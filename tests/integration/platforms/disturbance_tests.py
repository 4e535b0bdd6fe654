# SPDX-License-Identifier: Apache-2.0
"""What `measuring/disturbances.py` sees of what is done to a real server within a window."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress

import pytest

from builders import bench_of
from featherbench.measuring.window import Observation
from featherbench.measuring.window_verdict import window_verdict
from featherbench.records.tuning import Tuning
from featherbench.services import http

TUNING = Tuning(net_sysctls={"net.ipv4.tcp_keepalive_time": "7200"}, nofile=4096)
WINDOW_S = 0.6
OTHERS = ("others", "steal", "swap", "memory pressure")
"""What a busy machine may add."""


@contextmanager
def running(*argv):
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def signalled(pid, number):
    with suppress(ProcessLookupError):
        os.kill(pid, number)


class DisturbanceTests:
    @pytest.fixture
    def bench(self, platform, tmp_path):
        return bench_of(platform, "http", tuning=TUNING, logs=tmp_path)

    def move(self, bench):
        """Move the server to the client's CPUs."""
        os.sched_setaffinity(bench.technology.processes(bench.under_test)[-1], bench.client.cpus)

    def reasons(self, bench, disturb):
        """Observe a window in which `disturb` is called; return the verdict and its reasons."""
        with Observation(bench, verify=http.verify) as observation:
            ends_s = time.monotonic() + WINDOW_S
            disturb()
            bench.client.run(["sleep", f"{max(0.0, ends_s - time.monotonic()):.3f}"], timeout_s=5)
        return window_verdict(observation.facts)

    def require(self, bench, disturb, verdict, words):
        actual, reasons = self.reasons(bench, disturb)
        assert [reason for reason in reasons if reason.startswith(words)], reasons
        assert actual == verdict

    def test_a_quiet_window_raises_no_other_suspicion_than_a_busy_machine_does(self, bench):
        _, reasons = self.reasons(bench, lambda: None)
        assert [reason for reason in reasons if not reason.startswith(OTHERS)] == []

    def test_a_server_that_was_stopped_for_a_while(self, bench):
        pids = bench.technology.processes(bench.under_test)

        def stop():
            for pid in pids:
                signalled(pid, signal.SIGSTOP)
            time.sleep(0.3)
            for pid in pids:
                signalled(pid, signal.SIGCONT)

        self.require(bench, stop, "invalid", "held up: the server (process")

    def test_a_load_generator_that_was_stopped_for_a_while(self, bench):
        def stop():
            with running("sleep", "9") as process:
                signalled(process.pid, signal.SIGSTOP)
                time.sleep(0.3)

        self.require(bench, stop, "invalid", "held up: the load generator was stopped")

    def test_another_program_on_the_servers_cpu(self, bench):
        cpu = str(bench.placement.cpus[0])

        def burn():
            with running("taskset", "-c", cpu, "sh", "-c", "while :; do :; done"):
                time.sleep(WINDOW_S - 0.1)

        self.require(bench, burn, "suspect", "others: other programs took")

    def test_a_server_that_was_moved_to_another_cpu(self, bench):
        words = f"changed: CPUs of the server: {bench.client.cpus[0]} instead of"
        self.require(bench, lambda: self.move(bench), "invalid", words)

    def test_a_sysctl_of_the_tuning_that_changed(self, bench):
        key = "net.ipv4.tcp_keepalive_time"

        def change():
            bench.client.run(["sysctl", "-w", f"{key}=7199"], timeout_s=5)

        try:
            self.require(bench, change, "invalid", f"changed: {key} at the client: 7199 instead")
        finally:
            bench.client.run(["sysctl", "-w", f"{key}=7200"], timeout_s=5)
