# SPDX-License-Identifier: Apache-2.0
"""A unikernel as a technology. The descriptions of its images say everything that is special."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

from featherbench.contracts.image_description import Description, description_in
from featherbench.contracts.technology import BuildRequest, FirstFrame, StartRequest
from featherbench.contracts.vm_runner import ImageBoot, VmRunner, addresses_in, mac_of
from featherbench.errors import ConfigError
from featherbench.files import file_digest, folder_digest
from featherbench.records.instance import Image, Instance
from featherbench.records.requirement import MissingRequirement
from featherbench.system import programs
from featherbench.unikernels import description_loader, image, runtime_control
from featherbench.unikernels.description_loader import Service, UnikernelSettings
from featherbench.unikernels.process_runner import ProcessRunner
from featherbench.vm import bridge
from featherbench.vm.virtual_machine import VmTechnology

NATIVE = ProcessRunner()
SERVICES: tuple[Service, ...] = ("http", "kv", "startup")


class Unikernel(VmTechnology[UnikernelSettings]):
    """See `contracts/technology.py`; the hypervisor gives the `runner`."""

    networks = ("bridge",)
    fixed_memory = True
    runs_natively = False
    """Whether it may have images for a tender that is a plain process."""
    user_images = True
    is_guest = True

    def __init__(self, *, runner: VmRunner = NATIVE) -> None:
        super().__init__(runner=runner)

    def with_runner(self, runner: VmRunner) -> Self:
        """Return this technology run by `runner`."""
        return type(self)(runner=runner)

    def _description(self, service: str, settings: UnikernelSettings) -> Description | None:
        keys = settings.images.get(cast("Service", service), {})
        return description_loader.find(self.name, service, self.runner.backends[0], keys)

    def available_images(
        self, settings: UnikernelSettings
    ) -> Mapping[str, Sequence[MissingRequirement]]:
        """Return what each service's image lacks; one without a description has no image."""
        descriptions = {service: self._description(service, settings) for service in SERVICES}
        return {
            service: list(self._missing_of(service, description))
            for service, description in descriptions.items()
            if description
        }

    def _missing_of(self, service: str, description: Description) -> Iterator[MissingRequirement]:
        image_name = f"the image of {self.name}'s {service}"
        for key in description.missing_paths():
            yield MissingRequirement(
                what=f"the path of {image_name} is not configured",
                remedy=f"in the platform's settings, images: {{{service}: {{…}}}}: give `{key}`;"
                f" see {description_loader.GUIDE}",
            )
        for file in _boot_files(description):
            if not file.is_file():
                yield MissingRequirement(
                    what=f"{image_name}, {file}, does not exist",
                    remedy="build it, or correct its path",
                )
        if make := description.make:
            for program in dict.fromkeys((make.command[0], make.version[0])):
                yield from programs.missing_program(program, "install it: it makes the image")
        if description.backend in self.runner.backends:
            yield from self.runner.missing_requirements_of(description.backend)
        else:
            yield MissingRequirement(
                what=f"{image_name} is for {description.backend}, which this hypervisor does not"
                " offer",
                remedy="qemu runs on kvm and tcg, solo5-hvt on kvm, solo5-spt on native, xl on xen"
                " and xentcg",
            )

    def answers_pings(self, settings: UnikernelSettings) -> bool:
        """Return whether the image of `startup` continues to run and answers pings."""
        description = self._description("startup", settings)
        return description is not None and description.answers_pings

    def build_inputs(self, service: str, settings: UnikernelSettings) -> Mapping[str, Any]:
        """Return an image's description, and values that change with its files."""
        description = self._description(service, settings)
        if description is None:
            raise ConfigError(
                f"{self.name} has no image of {service}", remedy=f"see {description_loader.GUIDE}"
            )
        return {
            "description": description.model_dump(mode="json"),
            "files": image.marks_of(file for file in _boot_files(description) if file.exists()),
            "inputs": {
                path.name: folder_digest(path) if path.is_dir() else file_digest(path)
                for path in (description.make.inputs if description.make else ())
            },
        }

    def build_image(self, request: BuildRequest) -> Image:
        """Make the image, or take the user's."""
        return image.build(self.name, request)

    def has_probe(self, image: Image) -> bool:
        """Return whether the image has a probe that sends the nonce that it is given."""
        return description_in(image.reference).packet == "nonce"

    def first_frame(self, request: StartRequest[UnikernelSettings]) -> FirstFrame:
        """Return the bridge, and the instance's MAC address."""
        description = description_in(request.image.reference)
        return FirstFrame(
            interface=bridge.of(str(request.placement.state)), mac=_mac(description, request)
        )

    def prepare(self, request: StartRequest[UnikernelSettings]) -> None:
        """Check the image's files, and have the runner prepare them and the bridge."""
        image.require_unchanged(request.image.reference)
        self.runner.prepare(request.placement, image.boot_files(request.image.reference))

    def start(self, request: StartRequest[UnikernelSettings]) -> Instance:
        """Start a virtual machine from nothing."""
        description = description_in(request.image.reference)
        kernel = request.image.reference["kernel"]
        boot = ImageBoot(
            description=description,
            kernel=Path(kernel).resolve() if kernel else None,
            arguments=description.filled_arguments(_placeholders(description, request)),
            mac=_mac(description, request),
        )
        return self.start_vm(
            request,
            boot,
            memory_mib=request.settings.memory_mib or description.memory_mib,
            port=description.port,
            handle={"description": request.image.reference["description"]},
        )

    def apply_runtime_settings(self, instance: Instance) -> Mapping[str, str]:
        """Set what its description says, and read it back."""
        control = description_in(instance.handle).control
        return {} if control is None else runtime_control.apply(control, instance.endpoint.address)


def _boot_files(description: Description) -> list[Path]:
    paths = [description.kernel, *(disk.path for disk in description.disks)]
    return [path for path in paths if path is not None]


def _mac(description: Description, request: StartRequest) -> str:
    return description.nic.mac or mac_of(request.instance_id)


def _placeholders(description: Description, request: StartRequest) -> dict[str, str]:
    """Return the values of the placeholders in the arguments."""
    addresses, probe = addresses_in(request.placement.guest_subnet), request.probe
    return {
        "address": addresses.guest,
        "prefix": str(addresses.bridged.prefixlen),
        "mask": str(addresses.bridged.netmask),
        "gateway": addresses.gateway,
        "mac": _mac(description, request),
        "host": request.placement.callback_address,
        "port": str(description.port or request.port or 0),
        "target_port": str(probe.port) if probe else "0",
        "nonce": probe.nonce if probe else "",
    }
