# SPDX-License-Identifier: Apache-2.0
"""A unikernel as a technology: what is special about one is in its images' descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from featherbench.clock import now_utc
from featherbench.contracts.technology import FirstFrame, Technology
from featherbench.errors import ConfigError, InstanceDiedError
from featherbench.files import file_digest, folder_digest
from featherbench.records.cell import Usage
from featherbench.records.instance import Endpoint, Instance
from featherbench.records.requirement import MissingRequirement
from featherbench.system import programs
from featherbench.unikernels import (
    console_hints,
    description_loader,
    image,
    runtime_control,
    tap,
    vm_process,
)
from featherbench.unikernels.guest_spec import Guest
from featherbench.unikernels.image_description import Description
from featherbench.unikernels.process_runner import Processes
from featherbench.unikernels.settings import Service, UnikernelSettings
from featherbench.vm.libvirt.domain_xml import mac_of
from featherbench.vm.network import bridge
from featherbench.vm.network.addresses import lay_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.contracts.technology import BuildRequest, StartRequest
    from featherbench.contracts.unikernel_runner import UnikernelRunner
    from featherbench.ownership import Leftover
    from featherbench.records.image import Image

NATIVE = Processes()
SERVICES: tuple[Service, ...] = ("http", "kv", "startup")
GONE = "its process had ended, as its description allows"


@dataclass(frozen=True, kw_only=True)
class Unikernel(Technology[UnikernelSettings]):
    """See `contracts/technology.py`; `runner` is what the hypervisor runs it with."""

    name: ClassVar[str]
    Settings = UnikernelSettings
    networks = ("bridge",)
    fixed_memory = True
    runs_natively = False
    """Whether there may be images for a tender that is a plain process."""
    user_images = True
    is_guest = True

    runner: UnikernelRunner = NATIVE

    def with_runner(self, runner: UnikernelRunner) -> Self:
        """Return this technology run by `runner`."""
        return type(self)(runner=runner)

    # --- what is there ---------------------------------------------------------------------------

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Name what this host lacks for any of its images."""
        return list(self.runner.missing_requirements())

    def _description(self, service: Service, settings: UnikernelSettings) -> Description | None:
        given = settings.images.get(service, {})
        return description_loader.find(self.name, service, self.runner.backends[0], given)

    def available_images(
        self, settings: UnikernelSettings
    ) -> Mapping[str, Sequence[MissingRequirement]]:
        """Say, by service, what each image lacks; a service without a description is not there."""
        found = {service: self._description(service, settings) for service in SERVICES}
        return {
            service: list(self._lacking(service, each)) for service, each in found.items() if each
        }

    def _lacking(self, service: Service, wanted: Description) -> Iterator[MissingRequirement]:
        for key in wanted.missing_paths():
            yield MissingRequirement(
                what=f"nobody has said where the image of {self.name}'s {service} is",
                remedy=f"in the platform's settings, images: {{{service}: {{…}}}}: give `{key}`;"
                f" see {description_loader.GUIDE}",
            )
        disks = [disk.path for disk in wanted.disks]
        for file in [wanted.kernel, *disks]:
            if file is not None and not file.is_file():
                yield MissingRequirement(
                    what=f"the image of {self.name}'s {service}, {file}, is not there",
                    remedy="build it, or correct its path",
                )
        if wanted.make:
            for program in dict.fromkeys((wanted.make.command[0], wanted.make.version[0])):
                yield from programs.missing_program(program, "install it: it makes the image")
        yield from self._lacking_backend(service, wanted)

    def _lacking_backend(
        self, service: Service, wanted: Description
    ) -> Iterator[MissingRequirement]:
        if wanted.backend not in self.runner.backends:
            yield MissingRequirement(
                what=f"the image of {self.name}'s {service} is for {wanted.backend}, which this"
                " hypervisor does not offer",
                remedy="qemu runs on kvm and tcg, solo5-hvt on kvm, solo5-spt on native, xl on xen"
                " and xentcg",
            )
        else:
            yield from self.runner.missing_requirements_for(wanted.backend)

    def answers_pings(self, settings: UnikernelSettings) -> bool:
        """Whether the image of `startup` goes on, and answers pings."""
        wanted = self._description("startup", settings)
        return wanted is not None and wanted.answers_pings

    def build_inputs(self, service: str, settings: UnikernelSettings) -> Mapping[str, Any]:
        """Give all that an image is made of: its description, and what changes with its files."""
        wanted = self._description(cast("Service", service), settings)
        if wanted is None:
            raise ConfigError(
                f"{self.name} has no image of {service}", remedy=f"see {description_loader.GUIDE}"
            )
        paths = [wanted.kernel, *(disk.path for disk in wanted.disks)]
        marks = {
            str(path): [path.stat().st_size, path.stat().st_mtime_ns]
            for path in paths
            if path is not None and path.exists()
        }
        inputs = {
            path.name: folder_digest(path) if path.is_dir() else file_digest(path)
            for path in (wanted.make.inputs if wanted.make else ())
        }
        return {"description": wanted.model_dump(mode="json"), "files": marks, "inputs": inputs}

    # --- images ----------------------------------------------------------------------------------

    def build_image(self, request: BuildRequest) -> Image:
        """Make the image, or take the user's."""
        return image.build(self.name, request)

    # --- instances -------------------------------------------------------------------------------

    def has_probe(self, image: Image) -> bool:
        """Whether the image has a probe that sends the nonce that it is told."""
        return Description.model_validate(image.reference["description"]).packet == "nonce"

    def first_frame(self, request: StartRequest[UnikernelSettings]) -> FirstFrame:
        """Say where the host sees the first packet of an instance."""
        wanted = Description.model_validate(request.image.reference["description"])
        return FirstFrame(
            interface=bridge.of(str(request.placement.state)), mac=_mac(wanted, request)
        )

    def prepare(self, request: StartRequest[UnikernelSettings]) -> None:
        """Know the image again, and have the runner prepare bridge and files."""
        placement, boot = request.placement, image.boot_of(request.image.reference)
        self.runner.prepare(
            placement.guest_subnet,
            boot.files(),
            state=str(placement.state),
            callback_address=placement.callback_address,
        )

    def _guest(self, request: StartRequest[UnikernelSettings]) -> Guest:
        boot = image.boot_of(request.image.reference)
        wanted, settings = boot.description, request.settings
        return Guest(
            instance_id=request.instance_id,
            description=wanted,
            accelerator=self.runner.accelerator,
            kernel=boot.kernel,
            arguments=wanted.told(_filled(wanted, request)),
            memory_mib=request.memory_mib or settings.memory_mib or wanted.memory_mib,
            tap=tap.name_of(request.instance_id),
            mac=_mac(wanted, request),
            vhost=wanted.nic.vhost and self.runner.vhost,
            console=request.log.resolve(),
        )

    def start(self, request: StartRequest[UnikernelSettings]) -> Instance:
        """Start a guest from nothing."""
        guest, placement = self._guest(request), request.placement
        took_s = self.runner.start(guest, state=str(placement.state), cpus=placement.cpus)
        address = lay_out(request.placement.guest_subnet).guest
        wanted = guest.description
        return Instance(
            id=request.instance_id,
            technology=self.name,
            service=request.service,
            handle={
                "number": self.runner.number_of(request.instance_id) or 0,
                "name": guest.name,
                "console": str(guest.console),
                "description": wanted.model_dump(mode="json"),
            },
            endpoint=Endpoint(
                address=address, port=wanted.port or request.port or 0, ping_address=address
            ),
            started_utc=now_utc(),
            start_phases_s=took_s,
        )

    def _ended_as_allowed(self, instance: Instance) -> bool:
        status = self.runner.ended_with(instance.handle["number"])
        return status is not None and status in _described(instance).accepted_exits

    def is_running(self, instance: Instance) -> bool:
        """Whether it has not ended, its hypervisor says that it runs, and it shows no failure."""
        wanted = _described(instance)
        if self.runner.number_of(instance.id) is None:
            return False
        said = (
            vm_process.said_by(Path(instance.handle["console"])) if wanted.console.failure else ""
        )
        return not console_hints.failed(wanted.console, said) and self.runner.responds(
            instance.handle["name"], wanted.backend
        )

    def diagnosis(self, instance: Instance) -> str:
        """Say what became of it, what that means, and what its console said last."""
        return self.runner.diagnosis(instance, _described(instance), partial(_answers, instance))

    def stop(self, instance: Instance) -> None:
        """End it as its description says, and remove what was made for it."""
        wanted = _described(instance)
        if wanted.stop == "powerdown" and self.runner.number_of(instance.id) is not None:
            self.runner.power_down(instance.id, instance.handle["name"])
        self.runner.end(instance.id)

    def usage(self, instance: Instance) -> Usage:
        """Read what it has used; nothing where it may have ended, and has."""
        try:
            return self.runner.usage(instance.id)
        except InstanceDiedError:
            if not self._ended_as_allowed(instance):
                raise
        return Usage(
            cpu_s=None,
            throttled_s=None,
            memory_current_bytes=None,
            memory_working_set_bytes=None,
            memory_anonymous_bytes=None,
            memory_peak_bytes=None,
            source=GONE,
        )

    def reset_peak(self, instance: Instance) -> bool:
        """Reset it, where the runner can."""
        return self.runner.reset_peak(instance.id)

    def apply_runtime_settings(self, instance: Instance) -> Mapping[str, str]:
        """Set what its description says, and read it back."""
        wanted = _described(instance).control
        return {} if wanted is None else runtime_control.apply(wanted, instance.endpoint.address)

    def leftovers(self) -> Sequence[Leftover]:
        """Find the runner's guests."""
        return list(self.runner.leftovers())

    def remove(self, leftover: Leftover) -> None:
        """End a guest, and remove what was made for it."""
        self.runner.remove(leftover)

    def facts(self) -> Mapping[str, str]:
        """Tell the runner's."""
        return self.runner.facts()


def _described(instance: Instance) -> Description:
    return Description.model_validate(instance.handle["description"])


def _mac(wanted: Description, request: StartRequest[UnikernelSettings]) -> str:
    return wanted.nic.mac or mac_of(request.instance_id)


def _filled(wanted: Description, request: StartRequest[UnikernelSettings]) -> dict[str, str]:
    """Give what fills the placeholders of the arguments."""
    layout = lay_out(request.placement.guest_subnet)
    probe = request.probe
    return {
        "address": layout.guest,
        "prefix": str(layout.bridged.prefixlen),
        "mask": str(layout.bridged.netmask),
        "gateway": layout.gateway,
        "mac": _mac(wanted, request),
        "host": request.placement.callback_address,
        "port": str(wanted.port or request.port or 0),
        "target_port": str(probe.port) if probe else "0",
        "nonce": probe.nonce if probe else "",
    }


def _answers(instance: Instance) -> str:
    """Say whether its port takes connections, though nothing may answer there."""
    at = instance.endpoint
    if at.port and bridge.takes_connections(at.address, at.port):
        return (
            f", and {at.address}:{at.port} accepts connections without answering: often a sign of"
            " too little memory"
        )
    return ""
