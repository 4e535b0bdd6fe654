# SPDX-License-Identifier: Apache-2.0
"""The description of a guest image that the user brings: what it is and how it is started.

Data of every kind of unikernel; the code knows no single one. `docs/unikernels.md` explains it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from featherbench.files import canonical_json
from featherbench.user_input import MOST_MIB, UserInput

Backend = Literal["qemu", "solo5-spt", "solo5-hvt", "xl"]
BootMethod = Literal["kernel", "kernel+disk", "disk"]
XenMode = Literal["pvh", "pv"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
"""A name for QEMU or a tender: nothing that could begin another option."""

XEN_MODES: dict[str, XenMode] = {"pc": "pvh", "pvh": "pvh", "pv": "pv"}
"""What `machine` means for xl; `pc` is the default of `machine`."""
XEN_DISKS = 8
PLACEHOLDERS = frozenset(
    ("address", "prefix", "mask", "gateway", "mac", "host", "port", "target_port", "nonce")
)
"""What `arguments` may contain, as ${address}: see docs/unikernels.md."""
MAKE_PLACEHOLDERS = frozenset(("folder", "into"))
CONTROL_PLACEHOLDERS = frozenset(("address", "name", "value"))


def unknown_placeholders(text: str, known: frozenset[str]) -> list[str]:
    """Return the placeholders in a template that nothing fills; "$" for one without a name."""
    template = Template(text)
    if not template.is_valid():
        return ["$"]
    return sorted(set(template.get_identifiers()) - known)


def _require_known(texts: Iterable[str], known: frozenset[str]) -> None:
    for text in texts:
        if unknown := unknown_placeholders(text, known):
            raise ValueError(
                f"nothing fills ${{{unknown[0]}}} in {text!r}; a dollar is $$; known:"
                f" {', '.join(sorted(known))}"
            )


class DescriptionPart(UserInput):
    """A part of a description."""


class Make(DescriptionPart):
    """The command of the vendor's installed tool that makes the kernel; run without a shell."""

    command: Annotated[tuple[str, ...], Field(min_length=1)]
    """`${into}` is the folder for the result, `${folder}` that of the description."""
    version: Annotated[tuple[str, ...], Field(min_length=1)]
    """The command that prints the tool's version, which is recorded."""
    inputs: tuple[Path, ...] = ()
    """Files and folders; the image is built again when one of them changes."""
    within_s: Annotated[float, Field(ge=0.1, le=86_400)] = 600.0

    @field_validator("command")
    @classmethod
    def _has_known_placeholders(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        _require_known(words, MAKE_PLACEHOLDERS)
        return words


class ImageDisk(DescriptionPart):
    """A disk of the guest, in the order in which the guest sees them."""

    path: Path | None = None
    format: Literal["raw", "qcow2"] = "raw"
    interface: Literal["virtio", "ide", "scsi"] = "virtio"
    readonly: bool = False
    snapshot: bool = True
    """What the guest writes is discarded when it ends, and the file does not change."""
    name: Word = "storage"
    """Its name for a Solo5 guest."""
    sha256: Sha256 | None = None


class ImageNic(DescriptionPart):
    """The network card; its tap is on the bridge of the virtual machines."""

    model: Word = "virtio-net-pci"
    mac: Annotated[str, Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")] | None = None
    """Left out: a new one for every start, so that no neighbour table has an old entry."""
    bus: Word | None = None
    pci_address: Annotated[str, Field(pattern=r"^[0-9a-fx]+(\.[0-7])?$")] | None = None
    vhost: bool = True
    """Under KVM, if the machine can: packets pass in the kernel, as those of Linux guests do."""
    name: Word = "service"
    """Its name for a Solo5 guest."""


class Console(DescriptionPart):
    """What the console's output means, as regular expressions."""

    success: str | None = None
    failure: tuple[str, ...] = ()
    """Any of these means that the guest is dead, even if its hypervisor continues to run."""

    @field_validator("success", "failure")
    @classmethod
    def _are_expressions(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for expression in (value,) if isinstance(value, str) else value or ():
            try:
                re.compile(expression)
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(f"{expression!r} is no regular expression: {error}") from error
        return value


class Control(DescriptionPart):
    """A vendor's program that sets values in a running guest and reads them back.

    It is described as words of a command; `${address}` is the guest's.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    program: Path | None = None
    """The path of the user's copy; without it nothing is set."""
    environment: dict[str, str] = Field(default_factory=dict)
    set: tuple[str, ...]
    """Its arguments to set `${name}` to `${value}`."""
    read: tuple[str, ...]
    """Its arguments to print the value of `${name}`, and nothing else."""
    values: dict[str, str]
    """Set in the order of their names."""
    within_s: Annotated[float, Field(ge=0.1, le=3_600)] = 10.0
    """How long one call may take."""

    @field_validator("environment", "set", "read")
    @classmethod
    def _has_known_placeholders(
        cls, value: dict[str, str] | tuple[str, ...]
    ) -> dict[str, str] | tuple[str, ...]:
        texts = value.values() if isinstance(value, dict) else value
        _require_known(texts, CONTROL_PLACEHOLDERS)
        return value


class Description(DescriptionPart):
    """One image, of one service and for one backend."""

    backend: Backend = "qemu"
    boot: BootMethod = "kernel"
    kernel: Path | None = None
    sha256: Sha256 | None = None
    """The kernel's; another file is refused."""
    make: Make | None = None
    disks: tuple[ImageDisk, ...] = ()
    arguments: str = ""
    """What the guest reads as its arguments, literally: no shell and no quoting is involved."""
    xenstore_key: Annotated[str, Field(pattern=r"^[a-z0-9_]+(/[a-z0-9_]+)*$")] | None = None
    """For `xl`: the key, below the domain's own, in which the guest looks for `arguments`; left
    out: they are on its command line."""
    nic: ImageNic = ImageNic()
    machine: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+=[A-Za-z0-9_.-]+)*$")
    ] = "pc"
    """As QEMU's -machine; for `xl`, `pvh`, which is its default, or `pv`."""
    cpu: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+,=-]+$")] | None = None
    """Left out: the machine's own under KVM, everything that QEMU can emulate without."""
    vcpus: Annotated[int, Field(ge=1, le=64)] = 1
    memory_mib: Annotated[int, Field(ge=1, le=MOST_MIB)] = 64
    devices: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.,=:+/-]+$")], ...] = ()
    """Further devices, each as an argument of QEMU's -device."""
    console: Console = Console()
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Where it serves, if the image fixes that; left out: at featherbench's ${port}."""
    packet: Literal["nonce", "first"] = "nonce"
    """For `startup`: the image sends the nonce that it is given, or its first packet counts."""
    answers_pings: bool = False
    """For `startup`: whether it continues to run and answers pings."""
    stop: Literal["powerdown", "signal"] = "signal"
    """`powerdown`: press its power button before signals are sent."""
    accepted_exits: tuple[int, ...] = ()
    """For `startup`: the statuses with which it may end after it sent its packet."""
    constants: dict[str, str] = Field(default_factory=dict)
    """What was set when the image was built, as stated by its builder."""
    control: Control | None = None
    """What is set in it while it serves, by a program that the user has."""

    @field_validator("arguments")
    @classmethod
    def _has_known_placeholders(cls, value: str) -> str:
        _require_known([value], PLACEHOLDERS)
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
            raise ValueError(f"{self.backend} has no xenstore: `xenstore_key` is for xl")
        if self.kernel and self.make:
            raise ValueError("give either `kernel`, or `make` that makes it")
        return self

    @model_validator(mode="after")
    def _xl_can_run_it(self) -> Self:
        if self.backend != "xl":
            return self
        if any(disk.format != "raw" for disk in self.disks):
            raise ValueError("xl takes raw disks: `qemu-img convert -O raw` makes one")
        if len(self.disks) > XEN_DISKS:
            raise ValueError(f"xl gives a guest {XEN_DISKS} disks at most")
        if any(not (disk.snapshot or disk.readonly) for disk in self.disks):
            raise ValueError(
                "under xl what a guest writes is always discarded: leave out `snapshot`"
            )
        if self.machine not in XEN_MODES:
            raise ValueError(f"xl knows no machine {self.machine!r}: use `pvh` or `pv`")
        if self.accepted_exits:
            raise ValueError("a Xen domain has no exit status: leave out `accepted_exits`")
        return self

    @property
    def xen_mode(self) -> XenMode:
        """How Xen runs it."""
        return XEN_MODES[self.machine]

    def missing_paths(self) -> Iterator[str]:
        """Yield the keys whose path is not given."""
        if self.boot != "disk" and self.kernel is None and self.make is None:
            yield "kernel"
        for number, disk in enumerate(self.disks):
            if disk.path is None:
                yield f"disks.{number}.path"

    def filled_arguments(self, values: Mapping[str, str]) -> str:
        """Return the arguments with every placeholder filled."""
        return Template(self.arguments).substitute(values)


@lru_cache(maxsize=32)
def _parsed(description_json: str) -> Description:
    return Description.model_validate_json(description_json)


def description_in(record: Mapping[str, Any]) -> Description:
    """Return the description that a record has; parsed once, though instances are polled."""
    return _parsed(canonical_json(record["description"]))
