# SPDX-License-Identifier: Apache-2.0
"""A unikernel as a technology: what is special about one is in its images' descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from featherbench import programs, services
from featherbench.clock import now_utc
from featherbench.codehash import folder_digest
from featherbench.errors import ConfigError, InstanceDiedError
from featherbench.files import file_digest
from featherbench.guest import bridge
from featherbench.guest.definition import mac_of
from featherbench.guest.layout import lay_out
from featherbench.limits import HIDDEN
from featherbench.platforms.contract import FirstFrame, Lack
from featherbench.record import Endpoint, Instance, Usage
from featherbench.unikernel import console, control, descriptions, image, machine, tap
from featherbench.unikernel.description import Description
from featherbench.unikernel.guest import Guest
from featherbench.unikernel.processes import Processes
from featherbench.unikernel.settings import App, UnikernelSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.platforms.contract import BuildOrder, Leftover, StartOrder, Tuning
    from featherbench.record import Image
    from featherbench.settings import DriverSettings
    from featherbench.unikernel.contract import Runner

NATIVE = Processes()
APPS: tuple[App, ...] = ("http", "kv", "startup")
GONE = "its process had ended, as its description allows"


@dataclass(frozen=True, kw_only=True)
class Unikernel:
    """See `platforms/contract.py`; `runner` is what the host gives it to run in."""

    name: ClassVar[str]
    runs_natively: ClassVar[bool] = False
    """Whether there may be images for a tender that is a plain process."""
    Settings: ClassVar[type[DriverSettings]] = UnikernelSettings
    networks: ClassVar[tuple[str, ...]] = ("bridge",)
    root_filesystems: ClassVar[tuple[str, ...]] = ()
    subnet_share: ClassVar[int | None] = None
    fixed_memory: ClassVar[bool] = True

    runner: Runner = NATIVE

    def run_by(self, runner: Runner) -> Unikernel:
        """Give the same technology, as a host runs it."""
        return type(self)(runner=runner)

    # --- what is there ---------------------------------------------------------------------------

    def lacks(self) -> Sequence[Lack]:
        """Name what this host lacks for any of its images."""
        return list(self.runner.lacks())

    def _description(self, app: App, settings: DriverSettings) -> Description | None:
        given = cast("UnikernelSettings", settings).images.get(app, {})
        return descriptions.find(self.name, app, self.runner.backends[0], given)

    def offered(self, settings: DriverSettings) -> Mapping[str, Sequence[Lack]]:
        """Say, by app, what each image lacks; an app without a description is not there."""
        found = {app: self._description(app, settings) for app in APPS}
        return {app: list(self._lacking(app, each)) for app, each in found.items() if each}

    def _lacking(self, app: App, wanted: Description) -> Iterator[Lack]:
        for key in wanted.missing_paths():
            yield Lack(
                what=f"nobody has said where the image of {self.name}'s {app} is",
                remedy=f"in the platform's settings, images: {{{app}: {{…}}}}: give `{key}`; see "
                + descriptions.GUIDE,
            )
        disks = [disk.path for disk in wanted.disks]
        for file in [wanted.kernel, *disks]:
            if file is not None and not file.is_file():
                yield Lack(
                    what=f"the image of {self.name}'s {app}, {file}, is not there",
                    remedy="build it, or correct its path",
                )
        if wanted.make:
            for program in dict.fromkeys((wanted.make.command[0], wanted.make.version[0])):
                yield from programs.without(program, "install it: it makes the image")
        yield from self._lacking_backend(app, wanted)

    def _lacking_backend(self, app: App, wanted: Description) -> Iterator[Lack]:
        if wanted.backend not in self.runner.backends:
            yield Lack(
                what=f"the image of {self.name}'s {app} is for {wanted.backend}, which this host"
                " does not offer",
                remedy="qemu runs on kvm and tcg, solo5-hvt on kvm, solo5-spt on native, xl on xen"
                " and xentcg",
            )
        else:
            yield from self.runner.lacks_for(wanted.backend)

    def stays(self, settings: DriverSettings) -> bool:
        """Whether the image of `startup` goes on, and answers pings."""
        wanted = self._description("startup", settings)
        return wanted is not None and wanted.stays

    def recipe(self, app: str, settings: DriverSettings) -> Mapping[str, Any]:
        """Give all that an image is made of: its description, and what changes with its files."""
        wanted = self._description(cast("App", app), settings)
        if wanted is None:
            raise ConfigError(
                f"{self.name} has no image of {app}", remedy=f"see {descriptions.GUIDE}"
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

    def build_image(self, order: BuildOrder) -> Image:
        """Make the image, or take the user's."""
        return image.build(self.name, order)

    # --- instances -------------------------------------------------------------------------------

    def sends_nonce(self, image: Image) -> bool:
        """Whether the image has a probe that sends the nonce that it is told."""
        return Description.model_validate(image.reference["description"]).packet == "nonce"

    def first_frame(self, order: StartOrder) -> FirstFrame:
        """Say where the host sees the first packet of an instance."""
        wanted = Description.model_validate(order.image.reference["description"])
        return FirstFrame(interface=bridge.of(str(order.place.state)), mac=_mac(wanted, order))

    def prepare(self, order: StartOrder) -> None:
        """Know the image again, and have the runner prepare bridge and files."""
        place, boot = order.place, image.boot_of(order.image.reference)
        self.runner.prepare(
            place.guest_subnet, boot.files(), state=str(place.state), home=place.home
        )

    def _guest(self, order: StartOrder) -> Guest:
        boot = image.boot_of(order.image.reference)
        wanted, settings = boot.description, cast("UnikernelSettings", order.settings)
        return Guest(
            instance_id=order.instance_id,
            description=wanted,
            accelerator=self.runner.accelerator,
            kernel=boot.kernel,
            arguments=wanted.told(_filled(wanted, order)),
            memory_mib=order.memory_mib or settings.memory_mib or wanted.memory_mib,
            tap=tap.name_of(order.instance_id),
            mac=_mac(wanted, order),
            vhost=wanted.nic.vhost and self.runner.vhost,
            console=order.log.resolve(),
        )

    def start(self, order: StartOrder) -> Instance:
        """Start a guest from nothing."""
        guest, place = self._guest(order), order.place
        took_s = self.runner.start(guest, state=str(place.state), cpus=place.cpus)
        address = lay_out(order.place.guest_subnet).guest
        wanted = guest.description
        return Instance(
            id=order.instance_id,
            technology=self.name,
            app=order.app,
            handle={
                "number": self.runner.number_of(order.instance_id) or 0,
                "name": guest.name,
                "console": str(guest.console),
                "description": wanted.model_dump(mode="json"),
            },
            endpoint=Endpoint(
                address=address, port=wanted.port or order.port or 0, ping_address=address
            ),
            started_utc=now_utc(),
            start_phases_s=took_s,
        )

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Give what `start` recorded."""
        return instance.start_phases_s

    def _ended_as_allowed(self, instance: Instance) -> bool:
        status = self.runner.ended_with(instance.handle["number"])
        return status is not None and status in _described(instance).accepted_exits

    def is_running(self, instance: Instance) -> bool:
        """Whether it has not ended, its hypervisor says that it runs, and it shows no failure."""
        wanted = _described(instance)
        if self.runner.number_of(instance.id) is None:
            return False
        said = machine.said_by(Path(instance.handle["console"])) if wanted.console.failure else ""
        return not console.failed(wanted.console, said) and self.runner.is_well(
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

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Say that nobody can look inside: its limits are those that it was built with."""
        nofile = {} if tuning.nofile is None else {"nofile": HIDDEN}
        return dict.fromkeys(tuning.net_sysctls, HIDDEN) | nofile

    def tune(self, instance: Instance) -> Mapping[str, str]:
        """Set what its description says, and read it back."""
        wanted = _described(instance).control
        return {} if wanted is None else control.apply(wanted, instance.endpoint.address)

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


def _mac(wanted: Description, order: StartOrder) -> str:
    return wanted.nic.mac or mac_of(order.instance_id)


def _filled(wanted: Description, order: StartOrder) -> dict[str, str]:
    """Give what fills the placeholders of the arguments."""
    layout = lay_out(order.place.guest_subnet)
    target = services.told_probe(order.command)
    return {
        "address": layout.guest,
        "prefix": str(layout.bridged.prefixlen),
        "mask": str(layout.bridged.netmask),
        "gateway": layout.gateway,
        "mac": _mac(wanted, order),
        "host": order.place.home,
        "port": str(wanted.port or order.port or 0),
        "target_port": target.port if target else "0",
        "nonce": target.nonce if target else "",
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
