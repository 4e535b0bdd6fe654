# SPDX-License-Identifier: Apache-2.0
"""Runs users' images as processes of this machine: QEMU, or a tender of Solo5.

A virtual machine has a tap, a control group, and in that the process that runs it. The group
identifies the process, and ends it with everything that it started. The tap is made before the
process and removed after it, so that one of a broken run is found by its tap.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.contracts.image_description import Backend, Description
from featherbench.contracts.technology import Placement
from featherbench.contracts.vm_runner import ImageBoot, Vm, VmRequest, VmRunner
from featherbench.errors import CommandError, DeadlineError, InstanceDiedError, InstanceError
from featherbench.ownership import Leftover
from featherbench.records.cell import Usage
from featherbench.records.requirement import MissingRequirement
from featherbench.system import cgroup, programs, subprocesses
from featherbench.system.polling import wait_until
from featherbench.unikernels import console_hints, qmp, tap
from featherbench.unikernels.commands import qemu_command, solo5_command
from featherbench.vm import bridge
from featherbench.vm.libvirt import kvm_probe, requirements, vm_usage
from featherbench.vm.libvirt.domain_xml import Accelerator

if TYPE_CHECKING:
    from subprocess import Popen

NATIVE = "native"
"""The name without an accelerator: a tender that is a plain process."""
LEFTOVER = "unikernel"
NEEDS = {"ip": "iproute2", "iptables": "iptables", "sysctl": "procps"}
QEMU = {"qemu-system-x86_64": "qemu-system-x86"}
SOLO5 = "opam install solo5, and have its programs in root's PATH"
BACKENDS: dict[Accelerator | None, tuple[Backend, ...]] = {
    "kvm": ("qemu", "solo5-hvt"),
    "tcg": ("qemu",),
    None: ("solo5-spt",),
}
POWER_DOWN_WITHIN_S = 5.0
TERMINATE_WITHIN_S = 2.0
ENDS_WITHIN_S = 2.0
"""From the guest's end to the end of its process."""
TAIL_CHARACTERS = 1_000
ENDED_AS_ALLOWED = "its process had ended, as its description allows"
UNKNOWN_USAGE = Usage(source=ENDED_AS_ALLOWED)

_children: dict[str, Popen[bytes]] = {}
"""The processes that this one has started, by instance: only their parent learns how they end."""


def process_id(instance_id: str) -> int | None:
    """Return the pid of an instance's process; None if it has ended."""
    return min(cgroup.members(cgroup.own_group(instance_id)), default=None)


def _require_process(instance_id: str) -> int:
    pid = process_id(instance_id)
    if pid is None:
        raise InstanceDiedError(f"the process of the guest {instance_id} is gone")
    return pid


def exit_status(instance_id: str) -> int | None:
    """Return how a process that left its group ended; None if another process started it."""
    child = _children.get(instance_id)
    if child is None:
        return None
    with suppress(DeadlineError):  # it leaves the group a moment before it is dead
        wait_until(
            lambda: child.poll() is not None, what="the process's end", within_s=ENDS_WITHIN_S
        )
    return child.returncode


def hypervisor_log(console: Path) -> Path:
    """Return the file for QEMU's own output, beside the guest's console."""
    return console.with_suffix(".hypervisor.log")


def _enter(group: cgroup.ControlGroup, cpus: Sequence[int]) -> None:
    cgroup.join(group)
    os.sched_setaffinity(0, cpus)


def _end(instance_id: str) -> None:
    """End an instance's process, and remove group and tap; no error if they are gone already."""
    try:
        cgroup.end(cgroup.own_group(instance_id), grace_s=TERMINATE_WITHIN_S)
    finally:
        tap.remove(instance_id)


def _ends(instance_id: str, *, within_s: float) -> bool:
    """Wait for the end of a process; return whether it has ended."""
    with suppress(DeadlineError):
        return wait_until(
            lambda: process_id(instance_id) is None, what="the guest's end", within_s=within_s
        )
    return False


def _description(vm: Vm) -> Description:
    assert vm.description is not None, "this runner boots users' images only"
    return vm.description


@dataclass(frozen=True, kw_only=True)
class ProcessRunner(VmRunner):
    """See `contracts/vm_runner.py`. `accelerator` is None without a hypervisor: Solo5's spt."""

    accelerator: Accelerator | None = None

    @property
    def name(self) -> str:
        """The hypervisor has the name of its accelerator."""
        return self.accelerator or NATIVE

    @property
    def backends(self) -> tuple[Backend, ...]:
        """What the accelerator runs."""
        return BACKENDS[self.accelerator]

    @property
    def _has_vhost(self) -> bool:
        return self.accelerator is not None and requirements.has_vhost(self.accelerator)

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return missing programs and rights, and why KVM cannot be used."""
        missing = [*programs.missing_root(), *programs.missing(NEEDS)]
        if self.accelerator is None:
            missing += programs.missing_program("solo5-spt", SOLO5)
            return [*missing, *requirements.of_tun()]
        missing += [*programs.missing(QEMU), *requirements.of_tun()]
        return requirements.with_kvm(missing, self.accelerator)

    def missing_requirements_of(self, backend: Backend) -> Sequence[MissingRequirement]:
        """Return the tender if it is missing: no Debian package has it."""
        return () if backend == "qemu" else programs.missing_program(backend, SOLO5)

    def prepare(self, placement: Placement, files: Sequence[Path]) -> None:
        """Make the bridge."""
        bridge.prepare(placement)

    def start(self, request: VmRequest) -> Mapping[str, float]:
        """Make the tap, and start the process."""
        request.console.parent.mkdir(parents=True, exist_ok=True)
        request.console.touch()
        instance_id, began_s = request.instance_id, time.monotonic()
        group = cgroup.own_group(instance_id)
        try:
            on_bridge = bridge.of(request.state)
            tap.make(instance_id, hypervisor=self.name, state=request.state, bridge=on_bridge)
            tapped_s = time.monotonic()
            cgroup.create(group, owner=request.state)
            _children[instance_id] = self._start_process(request, group)
        except CommandError as error:
            _end(instance_id)
            raise InstanceError(error.message, remedy=error.remedy) from error
        except BaseException:
            _end(instance_id)
            raise
        return {"tap": tapped_s - began_s, "process": time.monotonic() - tapped_s}

    def _start_process(self, request: VmRequest, group: cgroup.ControlGroup) -> Popen[bytes]:
        """Start the process; a tender's output is the guest's console."""
        boot = request.boot
        assert isinstance(boot, ImageBoot)
        if boot.description.backend == "qemu":
            assert self.accelerator is not None, "QEMU runs under an accelerator"
            vhost = boot.description.nic.vhost and self._has_vhost
            argv = qemu_command(request, boot, self.accelerator, vhost=vhost)
            output = hypervisor_log(request.console)
        else:
            argv, output = solo5_command(request, boot), request.console
        return subprocesses.start(
            argv, output=output, before_exec=partial(_enter, group, request.cpus)
        )

    def stop(self, vm: Vm) -> None:
        """End it as its description says, and remove what was made for it."""
        if _description(vm).stop == "powerdown" and process_id(vm.instance_id) is not None:
            with suppress(qmp.SilentError):
                qmp.press_power(vm.name)
                _ends(vm.instance_id, within_s=POWER_DOWN_WITHIN_S)
        _end(vm.instance_id)

    def is_running(self, vm: Vm) -> bool:
        """Return whether it runs without a failure on its console; QEMU may be silent."""
        description = _description(vm)
        return (
            process_id(vm.instance_id) is not None
            and not console_hints.has_failed(description.console, vm.console)
            and (description.backend != "qemu" or qmp.status(vm.name) in {qmp.RUNNING, qmp.SILENT})
        )

    def usage(self, vm: Vm) -> Usage:
        """Return what its process has used; nothing is known of one that ended as allowed."""
        try:
            usage = vm_usage.usage_of(_require_process(vm.instance_id), {})
        except InstanceDiedError:
            if exit_status(vm.instance_id) not in _description(vm).accepted_exits:
                raise
            return UNKNOWN_USAGE
        return usage.model_copy(update={"source": usage.source.partition("; guest:")[0]})

    def processes(self, vm: Vm) -> Sequence[int]:
        """Return its process."""
        pid = process_id(vm.instance_id)
        return () if pid is None else (pid,)

    def reset_peak(self, vm: Vm) -> bool:
        """Reset its process's."""
        pid = process_id(vm.instance_id)
        return pid is not None and vm_usage.reset_peak(pid)

    def diagnosis(self, vm: Vm) -> str:
        """Ask QEMU, and read its output and the console."""
        is_qemu = _description(vm).backend == "qemu"
        status = qmp.status(vm.name) if is_qemu and process_id(vm.instance_id) is not None else ""
        is_ending = status in {qmp.SHUT_DOWN, qmp.SILENT}
        if _ends(vm.instance_id, within_s=ENDS_WITHIN_S if is_ending else 0.0):
            state = _how_it_ended(exit_status(vm.instance_id))
        else:
            state = _how_it_runs(vm.name, status) if is_qemu else "its process runs"
            state += console_hints.mute_server(vm)
        qemu_output = _qemu_output(vm.console)
        quoted = f"QEMU said: {qemu_output[-TAIL_CHARACTERS:]}" if qemu_output else ""
        return console_hints.diagnosis(vm, state, qemu_output, quoted)

    def leftovers(self) -> Iterator[Leftover]:
        """Return virtual machines by their taps."""
        for found in tap.own():
            if found.hypervisor == self.name:
                yield Leftover(kind=LEFTOVER, name=found.instance_id, state=found.state)

    def remove(self, leftover: Leftover) -> None:
        """End one, and remove what was made for it."""
        _end(leftover.name)

    def facts(self) -> Mapping[str, str]:
        """Return the hypervisor's version, and what moves packets."""
        if self.accelerator is None:
            return {"hypervisor": "none: a process"}
        packets = "vhost-net" if self._has_vhost else "QEMU"
        return {"qemu": kvm_probe.version(), "accelerator": self.accelerator, "packets": packets}


def _qemu_output(console: Path) -> str:
    """Return QEMU's own output, without the news that featherbench ended it."""
    lines = console_hints.text_of(hypervisor_log(console)).splitlines()
    return "\n".join(line for line in lines if "terminating on signal" not in line)


def _how_it_ended(status: int | None) -> str:
    if status is None:
        return "its process has ended"
    if status < 0:
        return f"its process was killed by signal {-status}"
    return f"its process ended by itself, with status {status}"


def _how_it_runs(name: str, status: str) -> str:
    """Return what a running QEMU, which reports `status`, knows of its guest."""
    if status == qmp.SILENT:
        return "QEMU hangs: it does not answer its monitor"
    if status == qmp.INTERNAL_ERROR:
        return "KVM failed inside (an internal error), and QEMU has stopped the guest"
    if status != qmp.RUNNING:
        return f"QEMU has stopped the guest: {status}"
    with suppress(qmp.SilentError):
        if qmp.is_dead(name):
            return "QEMU runs, but the guest is dead: its processor is halted with interrupts off"
    return "QEMU and the guest run"
