# SPDX-License-Identifier: Apache-2.0
"""What a unikernel's image is and how it is started: data, of which the code knows no example."""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003 - pydantic needs it at run time
from string import Template
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from featherbench.unikernels.runtime_control import Control  # noqa: TC001 - pydantic needs it at run time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Backend = Literal["qemu", "solo5-spt", "solo5-hvt", "xl"]
Boot = Literal["kernel", "kernel+disk", "disk"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
"""A name that QEMU or a tender is told: nothing that could begin another option."""

XEN_MODES: dict[str, Literal["pvh", "pv"]] = {"pc": "pvh", "pvh": "pvh", "pv": "pv"}
"""What `machine` means to xl; `pc` is what it is when nothing is said."""
XEN_DISKS = 8
PLACES = frozenset(
    ("address", "prefix", "mask", "gateway", "mac", "host", "port", "target_port", "nonce")
)
"""What `arguments` may name, as ${address}: see docs/unikernels.md."""
MAKE_PLACES = frozenset(("folder", "into"))


def unknown_places(text: str, known: frozenset[str]) -> list[str]:
    """Name the placeholders in a template that nothing fills; "$" is one that names nothing."""
    template = Template(text)
    if not template.is_valid():
        return ["$"]
    return sorted(set(template.get_identifiers()) - known)


class Part(BaseModel):
    """A part of a description: frozen, and no key is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Make(Part):
    """The command of the vendor's installed tool that makes the kernel; run without a shell."""

    command: Annotated[tuple[str, ...], Field(min_length=1)]
    """`${into}` is the folder for what it makes, `${folder}` that of the description."""
    version: Annotated[tuple[str, ...], Field(min_length=1)]
    """The command that tells the tool's version, which is recorded."""
    inputs: tuple[Path, ...] = ()
    """Files and folders whose change makes the image anew."""
    within_s: Annotated[float, Field(gt=0)] = 600.0

    @field_validator("command")
    @classmethod
    def _has_known_places(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if unknown := unknown_places(word, MAKE_PLACES):
                raise ValueError(f"nothing fills ${{{unknown[0]}}}: known are {MAKE_PLACES}")
        return words


class Disk(Part):
    """A disk that the guest has, in the order that it sees them."""

    path: Path | None = None
    format: Literal["raw", "qcow2"] = "raw"
    interface: Literal["virtio", "ide", "scsi"] = "virtio"
    readonly: bool = False
    snapshot: bool = True
    """What the guest writes is forgotten when it ends, and the file stays as it is."""
    name: Word = "storage"
    """How a Solo5 guest calls it."""
    sha256: Sha256 | None = None


class Nic(Part):
    """The network card; its tap is on the guests' bridge."""

    model: Word = "virtio-net-pci"
    mac: Annotated[str, Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")] | None = None
    """Left out: one of its own for every start, so that no neighbour table has an old one."""
    bus: Word | None = None
    pci_address: Annotated[str, Field(pattern=r"^[0-9a-fx]+(\.[0-7])?$")] | None = None
    vhost: bool = True
    """Under KVM, where the host can: packets pass in the kernel, as those of Linux guests do."""
    name: Word = "service"
    """How a Solo5 guest calls it."""


class Console(Part):
    """What the console says, as regular expressions."""

    success: str | None = None
    failure: tuple[str, ...] = ()
    """Any of these means that the guest is dead, though its hypervisor may live on."""

    @field_validator("success", "failure")
    @classmethod
    def _are_expressions(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for each in (value,) if isinstance(value, str) else value or ():
            try:
                re.compile(each)
            except re.error as wrong:
                raise ValueError(f"{each!r} is no regular expression: {wrong}") from wrong
        return value


class Description(Part):
    """One image, for one app of featherbench's and one backend."""

    backend: Backend = "qemu"
    boot: Boot = "kernel"
    kernel: Path | None = None
    sha256: Sha256 | None = None
    """Of the kernel: another file is refused."""
    make: Make | None = None
    disks: tuple[Disk, ...] = ()
    arguments: str = ""
    """What the guest is told, as it should read it: no shell and no quoting is between."""
    xenstore_key: Annotated[str, Field(pattern=r"^[a-z0-9_]+(/[a-z0-9_]+)*$")] | None = None
    """Of `xl`: the key below the domain's own at which the guest looks for `arguments`; left out:
    they are on its command line."""
    nic: Nic = Nic()
    machine: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+=[A-Za-z0-9_.-]+)*$")
    ] = "pc"
    """As QEMU's -machine; of `xl`, `pvh`, which is its default, or `pv`."""
    cpu: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+,=-]+$")] | None = None
    """Left out: the host's under KVM, all that QEMU can emulate without."""
    vcpus: Annotated[int, Field(ge=1, le=64)] = 1
    memory_mib: Annotated[int, Field(ge=1)] = 64
    devices: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.,=:+/-]+$")], ...] = ()
    """Further devices, each as QEMU's -device has it."""
    console: Console = Console()
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Where it serves, if that is in the image; left out: where featherbench says, by ${port}."""
    packet: Literal["nonce", "first"] = "nonce"
    """Of `startup`: the image sends the nonce that it is told, or its first packet counts."""
    answers_pings: bool = False
    """Of `startup`: whether it goes on, and answers pings."""
    stop: Literal["powerdown", "signal"] = "signal"
    """`powerdown`: it heeds a power button, and is given it before signals are sent."""
    accepted_exits: tuple[int, ...] = ()
    """Of `startup`: with which statuses it may end once its packet is there."""
    constants: dict[str, str] = Field(default_factory=dict)
    """What was set when the image was built, as stated by whoever built it."""
    control: Control | None = None
    """What is set in it once it serves, by a program that the user has."""

    @field_validator("arguments")
    @classmethod
    def _has_known_places(cls, value: str) -> str:
        if unknown := unknown_places(value, PLACES):
            known = ", ".join(sorted(PLACES))
            raise ValueError(f"nothing fills ${{{unknown[0]}}}; a dollar is $$; known: {known}")
        return value

    @model_validator(mode="after")
    def _boots_from_what_it_has(self) -> Self:
        if self.boot != "kernel" and not self.disks:
            raise ValueError(f"boot is {self.boot!r}, but there are no disks")
        if self.boot == "disk" and (self.kernel or self.make):
            raise ValueError("boot is 'disk', which goes without a kernel")
        if self.boot == "disk" and self.backend != "qemu":
            raise ValueError(f"{self.backend} cannot boot from a disk")
        if self.xenstore_key and self.backend != "xl":
            raise ValueError(f"{self.backend} has no xenstore: `xenstore_key` is of xl")
        if self.kernel and self.make:
            raise ValueError("give `kernel`, or `make` that makes it")
        return self

    @model_validator(mode="after")
    def _is_what_xl_can_run(self) -> Self:
        if self.backend != "xl":
            return self
        if any(disk.format != "raw" for disk in self.disks):
            raise ValueError("xl takes raw disks: `qemu-img convert -O raw` makes one")
        if len(self.disks) > XEN_DISKS:
            raise ValueError(f"xl gives a guest {XEN_DISKS} disks at most")
        if any(not (each.snapshot or each.readonly) for each in self.disks):
            raise ValueError(
                "under xl what a guest writes is always forgotten: leave out `snapshot`"
            )
        if self.machine not in XEN_MODES:
            raise ValueError(f"xl knows no machine {self.machine!r}: it is `pvh` or `pv`")
        if self.accepted_exits:
            raise ValueError("a domain of Xen's has no exit status: leave out `accepted_exits`")
        return self

    @property
    def xen_mode(self) -> Literal["pvh", "pv"]:
        """How Xen runs it."""
        return XEN_MODES[self.machine]

    def missing_paths(self) -> Iterator[str]:
        """Name the keys whose path nobody has given yet."""
        if self.boot != "disk" and self.kernel is None and self.make is None:
            yield "kernel"
        for number, disk in enumerate(self.disks):
            if disk.path is None:
                yield f"disks.{number}.path"

    def told(self, filled: Mapping[str, str]) -> str:
        """Give the arguments with every placeholder filled."""
        return Template(self.arguments).substitute(filled)
