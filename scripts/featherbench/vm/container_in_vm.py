# SPDX-License-Identifier: Apache-2.0
"""A technology inside a guest: the same driver, on a machine that is a guest.

Each instance is in a fresh guest, that boots with the engine before the start is timed, and ends
with the instance. The image is the guest's disk, in which the engine has the app's image already.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from featherbench.clock import now_utc
from featherbench.contracts import vm_runner
from featherbench.contracts.technology import Technology
from featherbench.errors import FeatherbenchError, InstanceDiedError
from featherbench.files import digest
from featherbench.records.image import Image
from featherbench.system.procfs import parse_used_memory_bytes
from featherbench.vm import engine_vm, instance_dir, virtual_machine
from featherbench.vm.engine_vm import EngineGuest
from featherbench.vm.image import disk
from featherbench.vm.network.addresses import lay_out
from featherbench.vm.offline_engine import engine_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.contracts.settings import DriverSettings
    from featherbench.contracts.technology import BuildRequest, Placement, StartRequest
    from featherbench.contracts.vm_runner import VmRunner
    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.instance import Instance
    from featherbench.records.requirement import MissingRequirement
    from featherbench.records.tuning import Tuning
    from featherbench.system.machine import Machine
    from featherbench.vm.network.addresses import Layout
    from featherbench.vm.settings import GuestSettings

log = logging.getLogger(__name__)

MEMINFO = Path("/proc/meminfo")


def root_for(name: str) -> str:
    """Name the root file system with the engine of a technology."""
    return f"{virtual_machine.ROOT}-{name}"


@cache
def _with_guest(
    name: str, own: type[DriverSettings], machine: type[GuestSettings]
) -> type[DriverSettings]:
    """Add the guest's keys to a technology's own."""
    guest = (machine, Field(machine(), description="The virtual machine."))
    return create_model(f"Settings of {name}, {machine.__name__}", __base__=own, guest=guest)


def _guest_settings(request: StartRequest) -> GuestSettings:
    settings: GuestSettings = request.settings.guest
    return settings


@contextmanager
def _guest_ended_on_failure(hypervisor: VmRunner, instance_id: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        engine_vm.stop(hypervisor, instance_id)
        raise


@contextmanager
def _noticing_its_end(hypervisor: VmRunner, instance_id: str) -> Iterator[None]:
    """Have what fails since the guest ended meanwhile say so."""
    try:
        yield
    except FeatherbenchError as lost:
        if hypervisor.is_running(instance_id):
            raise
        raise InstanceDiedError(f"the guest {instance_id} is gone") from lost


def _since(spent: Path, cpu_s: float | None) -> float | None:
    """Subtract what was spent before; the file is gone with the guest."""
    if cpu_s is None or not spent.exists():
        return cpu_s
    return max(0.0, cpu_s - float(spent.read_text()))


def _used_as_told_by(guest: Machine) -> int | None:
    return parse_used_memory_bytes(guest.read([MEMINFO]).get(MEMINFO, ""))


def _console(log: Path) -> Path:
    """Give the file for a guest's console, beside that for what the instance said."""
    return log.with_suffix(".console.log")


def _place_inside(placement: Placement, layout: Layout, machine: Machine, vcpus: int) -> Placement:
    """Say where the technology runs: the guest's own address, processors and half of the subnet."""
    return replace(
        placement,
        address=layout.guest,
        cpus=tuple(range(vcpus)),
        container_subnet=str(layout.containers),
        guest_subnet="",
        machine=machine,
    )


class Nested(Technology):
    """See `contracts/technology.py`. `inner` is the driver of the technology called `name`."""

    def __init__(self, *, name: str, inner: Technology, hypervisor: VmRunner) -> None:
        self.name, self.inner, self.hypervisor = name, inner, hypervisor
        self.Settings = _with_guest(name, inner.Settings, hypervisor.Settings)
        self.networks = inner.networks
        self.root_filesystems = (root_for(name), *inner.root_filesystems)

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Name what guests need: the engine is in the guest."""
        return self.hypervisor.missing_requirements()

    # --- images ----------------------------------------------------------------------------------

    def build_image(self, request: BuildRequest) -> Image:
        """Make a guest's disk, and have the technology make its image with the engine there."""
        parts, made_of = disk.build(request.root_filesystems[root_for(self.name)], {}, request.into)
        inner = self._image_inside(request, parts)
        return Image(
            technology=self.name,
            service=request.service,
            digest=digest(made_of.encode(), inner.digest.encode()),
            reference={**parts.reference, "inner": inner.model_dump(mode="json")},
            size=disk.size_of(parts),
            versions=inner.versions,
            built_utc=now_utc(),
            build_log=f"on a guest's disk: {inner.build_log}",
        )

    def _image_inside(self, request: BuildRequest, parts: disk.Parts) -> Image:
        with engine_on(parts.disk, self.name, log=request.into / "engine.log") as machine:
            return self.inner.build_image(replace(request, machine=machine))

    def _guest(
        self,
        hypervisor: VmRunner,
        *,
        instance_id: str,
        state: str,
        layout: Layout,
        tuning: Tuning,
        **given: Any,  # noqa: ANN401
    ) -> EngineGuest:
        request = vm_runner.VmRequest(
            instance_id=instance_id,
            state=state,
            init=engine_vm.INIT,
            kernel_words=engine_vm.KERNEL_WORDS,
            seed=partial(engine_vm.seed, instance_id, state, layout, tuning),
            **given,
        )
        return EngineGuest(hypervisor=hypervisor, request=request, address=layout.guest)

    # --- instances -------------------------------------------------------------------------------

    def _inside(self, request: StartRequest) -> StartRequest:
        """Give the order as the technology is given it: the guest is its machine."""
        layout = lay_out(request.placement.guest_subnet)
        settings = _guest_settings(request)
        machine = engine_vm.machine_of(request.instance_id)
        own = request.settings.model_dump(exclude={"guest"})
        return replace(
            request,
            image=Image.model_validate(request.image.reference["inner"]),
            settings=self.inner.Settings.model_validate(own),
            placement=_place_inside(
                request.placement, layout, machine, settings.vcpus_on(request.placement.cpus)
            ),
            memory_mib=None,
        )

    def prepare(self, request: StartRequest) -> None:
        """Boot a fresh guest for the instance, and have the technology prepare itself there."""
        placement, state = request.placement, str(request.placement.state)
        parts = disk.parts_of(request.image.reference)
        layout = self.hypervisor.prepare(
            placement.guest_subnet, parts, state=state, callback_address=placement.callback_address
        )
        guest = self._guest(
            self.hypervisor,
            instance_id=request.instance_id,
            layout=layout,
            tuning=request.tuning,
            state=state,
            settings=_guest_settings(request),
            cpus=placement.cpus,
            parts=parts,
            console=_console(request.log),
        )
        guest.start()
        with _guest_ended_on_failure(self.hypervisor, request.instance_id):
            self.inner.prepare(self._inside(request))
            self._note_spent(request.instance_id)

    def _note_spent(self, instance_id: str) -> None:
        """Note the time that the guest's boot took, which is none of the instance's."""
        spent_s = self.hypervisor.usage(instance_id).cpu_s or 0.0
        instance_dir.of(instance_id).spent.write_text(f"{spent_s}")

    def start(self, request: StartRequest) -> Instance:
        """Start an instance in its guest. Raises InstanceError, having ended the guest."""
        with _guest_ended_on_failure(self.hypervisor, request.instance_id):
            instance = self.inner.start(self._inside(request))
        handle = {**instance.handle, "console": str(_console(request.log).resolve())}
        return instance.model_copy(update={"handle": handle})

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Give the technology's."""
        return self.inner.start_phases_s(instance)

    def is_running(self, instance: Instance) -> bool:
        """Ask the hypervisor for the guest, and the technology for the instance in it."""
        try:
            with _noticing_its_end(self.hypervisor, instance.id):
                return self.hypervisor.is_running(instance.id) and self.inner.is_running(instance)
        except InstanceDiedError:
            return False

    def diagnosis(self, instance: Instance) -> str:
        """Say what the technology says; of a guest that ended, how."""
        if self.hypervisor.is_running(instance.id):
            return self.inner.diagnosis(instance)
        at = instance.endpoint
        console = Path(instance.handle["console"])
        return self.hypervisor.diagnosis(instance.id, console, at.address, at.port)

    def stop(self, instance: Instance) -> None:
        """Stop the instance, for what it said last to be kept, and end its guest."""
        try:
            if self.hypervisor.is_running(instance.id):
                self.inner.stop(instance)
        except FeatherbenchError as lost:
            log.info("guest %s ends with its instance in it: %s", instance.id, lost)
        finally:
            engine_vm.stop(self.hypervisor, instance.id)

    def usage(self, instance: Instance) -> Usage:
        """Read the time that the guest has used since it was prepared, and the instance's memory.

        The time is that of the guest with its engine and all. The memory is as the engine's machine
        accounts it, beside what the guest's kernel holds, and its hypervisor.
        """
        with _noticing_its_end(self.hypervisor, instance.id):
            whole, own = self.hypervisor.usage(instance.id), self.inner.usage(instance)
            guest_used_bytes = whole.guest_used_bytes
            if guest_used_bytes is None:  # Xen cannot look into a domain
                guest_used_bytes = _used_as_told_by(engine_vm.machine_of(instance.id))
        return own.model_copy(
            update={
                "cpu_s": _since(instance_dir.of(instance.id).spent, whole.cpu_s),
                "throttled_s": whole.throttled_s,
                "guest_used_bytes": guest_used_bytes,
                "hypervisor_bytes": whole.memory_current_bytes,
                "source": f"time: the guest's; memory: the instance's in it, by {own.source}",
            }
        )

    def reset_peak(self, instance: Instance) -> bool:
        """Reset the instance's."""
        return self.inner.reset_peak(instance)

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Have the technology read it back, inside the instance."""
        return self.inner.tuning_in_force(instance, tuning)

    def leftovers(self) -> Sequence[Leftover]:
        """Find guests, with all that is in them."""
        return list(self.hypervisor.leftovers())

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        self.hypervisor.remove(leftover)

    def facts(self) -> Mapping[str, str]:
        """Tell the hypervisor's versions; the engine's are the image's."""
        return self.hypervisor.facts()
