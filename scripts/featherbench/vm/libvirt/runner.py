# SPDX-License-Identifier: Apache-2.0
"""Runs virtual machines of QEMU by libvirt, from our disk images; finds what broken runs left."""

import importlib.util
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from featherbench.contracts.technology import Placement
from featherbench.contracts.vm_runner import SystemBoot, Vm, VmRequest, VmRunner
from featherbench.errors import FeatherbenchError
from featherbench.files import write_atomic
from featherbench.ownership import Leftover
from featherbench.records.cell import Usage
from featherbench.records.requirement import MissingRequirement
from featherbench.system import firewall
from featherbench.vm import boot_report, bridge, disk_image, instance_dir
from featherbench.vm.libvirt import domains, requirements, vm_usage
from featherbench.vm.libvirt.domain_xml import (
    Accelerator,
    DomainDefinition,
    QemuSettings,
    WholeQemuSettings,
)

QEMU_LOG_LINES = 2
GUEST, BRIDGE, ROUTE = "guest", "bridge", "refusing route"
LIBVIRT_SOCKETS = (Path("/run/libvirt/libvirt-sock"), Path("/run/libvirt/virtqemud-sock"))


def _qemu_output(instance_id: str) -> str:
    """Return the end of libvirt's log of one that is gone: QEMU's output and exit."""
    log = domains.qemu_log(instance_id)
    if not log.exists():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-QEMU_LOG_LINES:]
    return f" (libvirt's log of it ends: {'; '.join(lines)})"


def _end(instance_id: str) -> None:
    """End a guest at once, and remove what was made for it; no error if it is gone already."""
    try:
        domains.destroy(instance_id)
    finally:
        instance_dir.remove(instance_id)


def _has_socket() -> bool:
    return any(path.exists() for path in LIBVIRT_SOCKETS)


def _guests_of(accelerator: Accelerator) -> Iterator[Leftover]:
    """Yield domains, if libvirt is installed, and those of which only the folder is left."""
    has_libvirt = _has_socket() and importlib.util.find_spec("libvirt")
    running = domains.owned_domains() if has_libvirt else []
    known = {domain.instance_id for domain in running}
    gone = (found for found in instance_dir.owned() if found.instance_id not in known)
    for found in (*running, *gone):
        if found.hypervisor in {"", accelerator}:
            yield Leftover(kind=GUEST, name=found.instance_id, state=found.state)


@dataclass(frozen=True, kw_only=True)
class LibvirtRunner(VmRunner):
    """See `contracts/vm_runner.py`."""

    accelerator: Accelerator

    guest_settings = QemuSettings
    system_settings = WholeQemuSettings

    @property
    def name(self) -> str:
        """The hypervisor has the name of its accelerator."""
        return self.accelerator

    @property
    def boot_slowdown(self) -> int:
        """More than 1 under emulation."""
        return {"kvm": 1, "tcg": 5}[self.accelerator]

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return missing programs and rights, and why KVM cannot be used."""
        return requirements.of_accelerator(self.accelerator)

    def prepare(self, placement: Placement, files: Sequence[Path]) -> None:
        """Connect to libvirt, and make the bridge."""
        domains.facts()
        bridge.prepare(placement)

    def start(self, request: VmRequest) -> Mapping[str, float]:
        """Have libvirt start it."""
        boot, began_s = request.boot, time.monotonic()
        assert isinstance(boot, SystemBoot)
        try:
            files = instance_dir.make(
                request.instance_id, state=request.state, hypervisor=self.name
            )
            write_atomic(files.seed, disk_image.seed_archive(boot.seed()))
            request.console.parent.mkdir(parents=True, exist_ok=True)
            instance_dir.make_overlay(boot.files.disk, files.overlay)
            domains.create(
                DomainDefinition(
                    request=request,
                    folder=files,
                    accelerator=self.accelerator,
                    bridge=bridge.of(request.state),
                    vhost=requirements.has_vhost(self.accelerator),
                )
            )
        except BaseException:
            _end(request.instance_id)
            raise
        return {"definition": time.monotonic() - began_s}

    def stop(self, vm: Vm) -> None:
        """End it at once, and remove its disk."""
        _end(vm.instance_id)

    def is_running(self, vm: Vm) -> bool:
        """Ask libvirt."""
        return domains.is_running(vm.instance_id)

    def boot_phases_s(self, instance_id: str, created_ns: int) -> Mapping[str, float]:
        """Return the times of firmware and kernel, and of user space."""
        return boot_report.phases_s(instance_dir.of(instance_id).report, created_ns)

    def usage(self, vm: Vm) -> Usage:
        """Return what QEMU has used, and what the guest's kernel holds."""
        pid = domains.pid_of(vm.instance_id)
        return vm_usage.usage_of(pid, domains.memory_stats(vm.instance_id))

    def processes(self, vm: Vm) -> Sequence[int]:
        """Return its QEMU."""
        return (domains.pid_of(vm.instance_id),)

    def reset_peak(self, vm: Vm) -> bool:
        """Reset QEMU's; return False if it is gone."""
        return vm_usage.reset_peak(domains.pid_of(vm.instance_id))

    def diagnosis(self, vm: Vm) -> str:
        """Ask libvirt, and read its log."""
        try:
            running = self.is_running(vm)
        except FeatherbenchError as error:
            return boot_report.diagnosis(error.message, vm)
        if running:
            state = f"the guest runs{bridge.connection_note(vm.address, vm.port)}"
        else:
            state = f"{boot_report.end_of(vm.console)}{_qemu_output(vm.instance_id)}"
        return boot_report.diagnosis_of_system(state, vm)

    def facts(self) -> Mapping[str, str]:
        """Return the versions of libvirt and QEMU, and what moves packets."""
        packets = "vhost-net" if requirements.has_vhost(self.accelerator) else "QEMU"
        return {**domains.facts(), "accelerator": self.accelerator, "packets": packets}

    def leftovers(self) -> Iterator[Leftover]:
        """Yield the virtual machines first: without the bridge, they could not be reached.

        If libvirt does not answer, the other leftovers are yielded before its error is raised.
        """
        libvirt_error: FeatherbenchError | None = None
        try:
            yield from _guests_of(self.accelerator)
        except FeatherbenchError as error:
            libvirt_error = error
        for name, state in bridge.owners().items():
            yield Leftover(kind=BRIDGE, name=name, state=state)
        for subnet in bridge.stale_routes():
            yield Leftover(kind=ROUTE, name=str(subnet))
        yield from firewall.leftovers()
        if libvirt_error is not None:
            raise libvirt_error

    def remove(self, leftover: Leftover) -> None:
        """Remove one leftover; no error if it is gone already."""
        if leftover.kind == BRIDGE:
            bridge.remove(leftover.name)
        elif leftover.kind == ROUTE:
            bridge.remove_route(IPv4Network(leftover.name))
        elif leftover.kind == firewall.RULE:
            firewall.remove(leftover)
        elif _has_socket():
            _end(leftover.name)
        else:
            instance_dir.remove(leftover.name)
