# SPDX-License-Identifier: Apache-2.0
"""A technology inside a virtual machine: the same driver, on a machine that is a guest.

Each instance is in a new virtual machine, which boots with the engine before the start is timed,
and ends with the instance. The image is the guest's disk, on which the engine already has the
service's image.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from featherbench.clock import now_utc
from featherbench.contracts.technology import BuildRequest, StartRequest, Technology
from featherbench.contracts.vm_runner import (
    GuestSettings,
    SystemBoot,
    Vm,
    VmRequest,
    VmRunner,
    addresses_in,
)
from featherbench.errors import FeatherbenchError, InstanceDiedError
from featherbench.files import digest
from featherbench.records.cell import Usage
from featherbench.records.instance import Image, Instance
from featherbench.records.requirement import MissingRequirement
from featherbench.records.tuning import Tuning
from featherbench.system.procfs import parse_used_memory_bytes
from featherbench.vm import disk_image, engine_vm, instance_dir, virtual_machine
from featherbench.vm.engine_vm import EngineVm
from featherbench.vm.libvirt import requirements
from featherbench.vm.offline_engine import engine_on
from featherbench.vm.virtual_machine import VmTechnology, settings_with_guest, vm_of

log = logging.getLogger(__name__)

MEMINFO = Path("/proc/meminfo")


def root_for(name: str) -> str:
    """Return the name of the root file system with a technology's engine."""
    return f"{virtual_machine.ROOT}-{name}"


def _vm_for(request: StartRequest) -> Vm:
    """Return the virtual machine for an instance; its console is beside the instance's log."""
    return Vm(
        instance_id=request.instance_id,
        console=request.log.with_suffix(".console.log"),
        address=addresses_in(request.placement.guest_subnet).guest,
    )


@contextmanager
def _reporting_its_end(runner: VmRunner, vm: Vm) -> Iterator[None]:
    """Raise InstanceDiedError for a failure in the block if the guest has ended meanwhile."""
    try:
        yield
    except FeatherbenchError as error:
        if runner.is_running(vm):
            raise
        raise InstanceDiedError(f"the guest {vm.instance_id} is gone") from error


def _since_prepared(instance_id: str, cpu_s: float | None) -> float | None:
    """Subtract the time used before the start; its file is gone when the guest is."""
    file = instance_dir.of(instance_id).used_before
    if cpu_s is None or not file.exists():
        return cpu_s
    return max(0.0, cpu_s - float(file.read_text(encoding="utf-8")))


class ContainerInVm(VmTechnology):
    """See `contracts/technology.py`. `inner` is the driver of the technology called `name`."""

    def __init__(self, *, name: str, inner: Technology, runner: VmRunner) -> None:
        super().__init__(runner=runner)
        self.name, self.inner = name, inner
        title = f"{name}, {runner.guest_settings.__name__}"
        self.Settings = settings_with_guest(title, inner.Settings, runner.guest_settings)
        self.networks = inner.networks
        self.root_filesystems = (root_for(name), *inner.root_filesystems)

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return what virtual machines need: the engine is in the guest."""
        return requirements.with_images(self.runner)

    def build_image(self, request: BuildRequest) -> Image:
        """Make a guest's disk, and have the technology make its image with the engine there."""
        root = request.root_filesystems[root_for(self.name)]
        files, disk_digest = disk_image.build(root, {}, request.into)
        with engine_on(files.disk.resolve(), self.name, log=request.into / "engine.log") as machine:
            inner = self.inner.build_image(replace(request, machine=machine))
        return Image(
            technology=self.name,
            service=request.service,
            digest=digest(disk_digest.encode(), inner.digest.encode()),
            reference={"folder": str(files.folder), "inner": inner.model_dump(mode="json")},
            size=disk_image.size_of_files(files.paths, counted=disk_image.COUNTED),
            versions=inner.versions,
            built_utc=now_utc(),
            build_log=f"on a guest's disk: {inner.build_log}",
        )

    def _inner_request(self, request: StartRequest) -> StartRequest:
        """Return the technology's own request: the guest is its machine."""
        guest: GuestSettings = request.settings.guest
        addresses = addresses_in(request.placement.guest_subnet)
        placement = replace(
            request.placement,
            address=addresses.guest,
            cpus=tuple(range(guest.vcpus_on(request.placement.cpus))),
            container_subnet=str(addresses.containers),
            guest_subnet="",
            machine=engine_vm.machine_of(request.instance_id),
        )
        inner_settings = request.settings.model_dump(exclude={"guest"})
        return replace(
            request,
            image=Image.model_validate(request.image.reference["inner"]),
            settings=self.inner.Settings.model_validate(inner_settings),
            placement=placement,
            memory_mib=None,
        )

    def _vm_request(self, request: StartRequest, vm: Vm) -> VmRequest:
        placement, guest = request.placement, request.settings.guest
        addresses, state = addresses_in(placement.guest_subnet), str(placement.state)
        return VmRequest(
            instance_id=request.instance_id,
            state=state,
            cpus=placement.cpus,
            memory_mib=guest.memory_mib,
            console=vm.console,
            boot=SystemBoot(
                files=disk_image.boot_files(request.image.reference),
                settings=guest,
                init=engine_vm.INIT,
                kernel_words=engine_vm.KERNEL_WORDS,
                seed=partial(engine_vm.seed, request.instance_id, state, addresses, request.tuning),
            ),
        )

    def prepare(self, request: StartRequest) -> None:
        """Boot a new guest for the instance, and have the technology prepare itself there."""
        vm, files = _vm_for(request), disk_image.boot_files(request.image.reference)
        self.runner.prepare(request.placement, files.paths)
        EngineVm(runner=self.runner, request=self._vm_request(request, vm), vm=vm).start()
        with engine_vm.ended_on_failure(self.runner, vm):
            self.inner.prepare(self._inner_request(request))
            self._record_used_before(vm)

    def _record_used_before(self, vm: Vm) -> None:
        """Record the processor time of the guest's boot, which is not the instance's."""
        used_s = self.runner.usage(vm).cpu_s or 0.0
        instance_dir.of(vm.instance_id).used_before.write_text(f"{used_s}", encoding="utf-8")

    def start(self, request: StartRequest) -> Instance:
        """Start an instance in its guest. Raise InstanceError, after ending the guest."""
        vm = _vm_for(request)
        with engine_vm.ended_on_failure(self.runner, vm):
            instance = self.inner.start(self._inner_request(request))
        handle = {**instance.handle, "console": str(vm.console.resolve())}
        return instance.model_copy(update={"handle": handle})

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Return the technology's."""
        return self.inner.start_phases_s(instance)

    def is_running(self, instance: Instance) -> bool:
        """Ask the runner for the guest, and the technology for the instance in it."""
        vm = vm_of(instance)
        try:
            with _reporting_its_end(self.runner, vm):
                return self.runner.is_running(vm) and self.inner.is_running(instance)
        except InstanceDiedError:
            return False

    def diagnosis(self, instance: Instance) -> str:
        """Return the technology's; for a guest that ended, the runner's."""
        vm = vm_of(instance)
        if self.runner.is_running(vm):
            return self.inner.diagnosis(instance)
        return self.runner.diagnosis(vm)

    def stop(self, instance: Instance) -> None:
        """Stop the instance, so that its last output is kept, and end its guest."""
        vm = vm_of(instance)
        try:
            if self.runner.is_running(vm):
                self.inner.stop(instance)
        except FeatherbenchError as error:
            log.info("guest %s ends with its instance in it: %s", instance.id, error)
        finally:
            engine_vm.stop(self.runner, vm)

    def usage(self, instance: Instance) -> Usage:
        """Return the guest's processor time since it was prepared, and the instance's memory.

        The time includes the engine and everything else in the guest. The memory is the instance's
        in the guest; beside it are the memory of the guest's kernel and of the hypervisor.
        """
        vm = vm_of(instance)
        with _reporting_its_end(self.runner, vm):
            guest, inner = self.runner.usage(vm), self.inner.usage(instance)
            guest_used_bytes = guest.guest_used_bytes
            if guest_used_bytes is None:  # Xen cannot look into a domain
                meminfo = engine_vm.machine_of(instance.id).read([MEMINFO])
                guest_used_bytes = parse_used_memory_bytes(meminfo.get(MEMINFO, ""))
        return inner.model_copy(
            update={
                "cpu_s": _since_prepared(instance.id, guest.cpu_s),
                "throttled_s": guest.throttled_s,
                "guest_used_bytes": guest_used_bytes,
                "hypervisor_bytes": guest.memory_current_bytes,
                "source": f"time: the guest's; memory: the instance's in it, by {inner.source}",
            }
        )

    def reset_peak(self, instance: Instance) -> bool:
        """Reset the instance's."""
        return self.inner.reset_peak(instance)

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Have the technology read it back inside the instance."""
        return self.inner.tuning_in_force(instance, tuning)
