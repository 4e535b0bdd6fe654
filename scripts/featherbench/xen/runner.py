# SPDX-License-Identifier: Apache-2.0
"""Runs virtual machines as domains of Xen, from our disk images and from users' images."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from featherbench.contracts.image_description import XEN_DISKS, Backend
from featherbench.contracts.technology import Placement
from featherbench.contracts.vm_runner import ImageBoot, SystemBoot, Vm, VmRequest, VmRunner, mac_of
from featherbench.errors import DeadlineError, FeatherbenchError
from featherbench.ownership import Leftover
from featherbench.records.cell import Usage
from featherbench.records.requirement import MissingRequirement
from featherbench.system.polling import wait_until
from featherbench.unikernels import console_hints
from featherbench.unikernels.process_runner import POWER_DOWN_WITHIN_S
from featherbench.vm import boot_report, bridge, disk_image, instance_dir
from featherbench.xen import domain_lifecycle, requirements
from featherbench.xen.domain_lifecycle import SEED, DomainLifecycle
from featherbench.xen.settings import Dom0Settings, WholeXenSettings, XenSettings
from featherbench.xen.xl import ALIVE, Disk, Domain, State

DISK_NAMES = tuple(f"xvd{letter}" for letter in "abcdefgh"[:XEN_DISKS])
ROOT_DISK, SEED_DISK = DISK_NAMES[:2]
"""Our disk images' names for their disks: resources/vm knows them."""
CMDLINE = "console=hvc0 quiet panic=-1 net.ifnames=0 fb_report=hvc0"
"""Every kernel's command line; what a guest reports is on its console, too."""
FACTS = ("xen_version", "xen_scheduler", "virt_caps", "nr_cpus", "total_memory", "release")
POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class XenRunner(VmRunner):
    """See `contracts/vm_runner.py`."""

    hypervisor: str
    emulated: bool
    settings: Dom0Settings

    guest_settings = XenSettings
    system_settings = WholeXenSettings

    @property
    def name(self) -> str:
        """The hypervisor's name."""
        return self.hypervisor

    @property
    def backends(self) -> tuple[Backend, ...]:
        """Only xl."""
        return ("xl",)

    @property
    def boot_slowdown(self) -> int:
        """More than 1 under emulation."""
        return 10 if self.emulated else 1

    @property
    def _domains(self) -> DomainLifecycle:
        return DomainLifecycle(hypervisor=self.name, settings=self.settings)

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return what is missing here and in dom0."""
        return list(requirements.of(self.settings, emulated=self.emulated))

    def prepare(self, placement: Placement, files: Sequence[Path]) -> None:
        """Make the bridge, connect it to dom0, and copy the files there."""
        bridge.prepare(placement)
        state = str(placement.state)
        if self.settings.link:
            bridge.attach_link(self.settings.link, bridge.of(state))
        self._domains.end_others(state)
        domain_lifecycle.ensure_copied(self._domains.dom0, files)

    def start(self, request: VmRequest) -> Mapping[str, float]:
        """Make block devices of its disks, and have xl create it."""
        began_s = time.monotonic()
        start = self._start_system if isinstance(request.boot, SystemBoot) else self._start_image
        try:
            self._domains.begin(request.instance_id, state=request.state)
            return start(request, began_s)
        except BaseException:
            self._domains.end(request.instance_id)
            raise

    def _start_system(self, request: VmRequest, began_s: float) -> Mapping[str, float]:
        boot, domains = cast("SystemBoot", request.boot), self._domains
        settings = cast("XenSettings", boot.settings)
        instance_dir.of(request.instance_id).report.symlink_to(request.console.resolve())
        seed_file = domains.write(
            request.instance_id, SEED, disk_image.seed_archive(boot.seed()).decode()
        )
        root = Disk(source=self._in_dom0(boot.files.disk), name=ROOT_DISK, readonly=False)
        seed_disk = Disk(source=seed_file, name=SEED_DISK, readonly=True)
        domain = Domain(
            instance_id=request.instance_id,
            mode=settings.mode,
            kernel=self._in_dom0(boot.files.kernel),
            ramdisk=self._in_dom0(boot.files.initrd),
            cmdline=f"{CMDLINE} fb_init={boot.init} {boot.kernel_words}".strip(),
            memory_mib=request.memory_mib,
            vcpus=settings.vcpus_on(request.cpus),
            cpus=self.settings.cpus,
            disks=domains.attach(request.instance_id, (root, seed_disk)),
            bridge=self._bridge(request.state),
            mac=mac_of(request.instance_id),
        )
        domains.create(domain, request.console.resolve(), {})
        return {"definition": time.monotonic() - began_s}

    def _start_image(self, request: VmRequest, began_s: float) -> Mapping[str, float]:
        boot, domains = cast("ImageBoot", request.boot), self._domains
        description = boot.description
        disks = domains.attach(request.instance_id, self._disk_files(boot))
        attached_s = time.monotonic()
        assert boot.kernel is not None, "an xl description always has a kernel"
        domain = Domain(
            instance_id=request.instance_id,
            mode=description.xen_mode,
            kernel=self._in_dom0(boot.kernel),
            ramdisk=None,
            cmdline="" if description.xenstore_key else boot.arguments,
            memory_mib=request.memory_mib,
            vcpus=description.vcpus,
            cpus=self.settings.cpus,
            disks=disks,
            bridge=self._bridge(request.state),
            mac=boot.mac,
        )
        key = description.xenstore_key
        domains.create(domain, request.console, {key: boot.arguments} if key else {})
        return {"disks": attached_s - began_s, "domain": time.monotonic() - attached_s}

    def _disk_files(self, boot: ImageBoot) -> list[Disk]:
        disks = zip(boot.description.disks, DISK_NAMES, strict=False)
        return [
            Disk(source=self._in_dom0(disk.path), name=name, readonly=disk.readonly)
            for disk, name in disks
            if disk.path
        ]

    def _in_dom0(self, file: Path) -> Path:
        return domain_lifecycle.path_in(self._domains.dom0, file)

    def _bridge(self, state: str) -> str:
        return self.settings.bridge or bridge.of(state)

    def _state(self, vm: Vm) -> State | None:
        """Return a domain's state; None if it is gone."""
        domain = self._domains.xl.listed(vm.instance_id)
        return domain.state if domain else None

    def stop(self, vm: Vm) -> None:
        """End it as its description says, and remove its block devices."""
        if vm.description and vm.description.stop == "powerdown" and self._state(vm) in ALIVE:
            self._power_down(vm)
        self._domains.end(vm.instance_id)

    def _power_down(self, vm: Vm) -> None:
        """Ask it to shut down, and wait a while for its end."""
        self._domains.xl.power_down(vm.instance_id)
        with suppress(DeadlineError):
            wait_until(
                lambda: self._state(vm) not in ALIVE,
                what="the guest's end",
                within_s=POWER_DOWN_WITHIN_S,
                every_s=POLL_S,
            )

    def is_running(self, vm: Vm) -> bool:
        """Ask xl; a user's image may be paused, but its console must show no failure."""
        if vm.description is None:
            return self._state(vm) == "running"
        has_failed = console_hints.has_failed(vm.description.console, vm.console)
        return self._state(vm) in ALIVE and not has_failed

    def boot_phases_s(self, instance_id: str, created_ns: int) -> Mapping[str, float]:
        """Return the times of kernel and user space, both by the guest's own clock."""
        report = boot_report.read(instance_dir.of(instance_id).report)
        try:
            kernel_s = float(report[boot_report.USER_SPACE_BEGAN])
            user_space_s = float(report[boot_report.SERVICE_BEGAN]) - kernel_s
        except (KeyError, ValueError):  # not reported yet, or kernel output is within the line
            return {}
        return {"kernel": kernel_s, "user_space": user_space_s}

    def usage(self, vm: Vm) -> Usage:
        """Return what Xen accounts. It allocates memory to a domain, and knows no peak."""
        return self._domains.xl.usage(vm.instance_id)

    def diagnosis(self, vm: Vm) -> str:
        """Ask xl, and read the console."""
        try:
            xens = self._state(vm)
        except FeatherbenchError as error:
            return boot_report.diagnosis(error.message, vm)
        state = f"the domain is {xens}" if xens else ""
        if vm.description is not None:
            state += console_hints.mute_server(vm) if xens == "running" else ""
            return console_hints.diagnosis(vm, state or "the domain is gone")
        state += bridge.connection_note(vm.address, vm.port) if xens == "running" else ""
        return boot_report.diagnosis_of_system(state or boot_report.end_of(vm.console), vm)

    def leftovers(self) -> Iterator[Leftover]:
        """Return domains by their folders on this machine."""
        return self._domains.leftovers()

    def remove(self, leftover: Leftover) -> None:
        """End one, in the dom0 that its folder names."""
        domain_lifecycle.remove(self.name, leftover)

    def facts(self) -> Mapping[str, str]:
        """Return the facts of Xen and dom0, or why there is no Xen. Raise MachineSilentError."""
        dom0 = requirements.probe(self.settings)
        if isinstance(dom0, str):
            return {"not available": dom0}
        facts = {name: dom0.xen[name] for name in FACTS if name in dom0.xen}
        return {
            **facts,
            "processor": dom0.processor,
            "dom0": self.settings.dom0 or "this machine",
            "cpus": self.settings.cpus or "any",
        }
