# SPDX-License-Identifier: Apache-2.0
"""What a user may set of Xen: its control domain, how guests there are reached, and the guests."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.vm_runner import GuestSettings, WholeSystemSettings
from featherbench.system.machine import LocalMachine, Machine
from featherbench.system.ssh import user_machine
from featherbench.vm import instance_dir

Name = Annotated[str, Field(pattern=r"^([A-Za-z0-9_.@:][A-Za-z0-9_.@:-]*)?$")]
"""Nothing that could begin another option or another key."""


Interface = Annotated[str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.@:-]{0,14})?$")]


class Dom0Settings(DriverSettings):
    """Xen's control domain, dom0."""

    dom0: Name = ""
    """The destination for ssh, for instance `root@xenhost`: root must be able to log in with a key,
    without a prompt. Empty: this machine is dom0."""
    ssh_config: str = ""
    """With `dom0`: the ssh_config(5) file for reaching it. Empty: root's own."""
    bridge: Interface = ""
    """With `dom0`: the bridge there that guests are put on."""
    link: Interface = ""
    """With `dom0`: the interface of this machine on the same Ethernet as that bridge. Nothing else
    uses it, and it has no address."""
    cpus: Annotated[str, Field(pattern=r"^([0-9][0-9,^-]*)?$", max_length=256)] = ""
    """The physical CPUs that guests may use, in the format of xl.cfg(5): dom0 does not see them.
    Empty: any."""

    @property
    def machine(self) -> Machine:
        """The machine that is dom0."""
        if not self.dom0:
            return LocalMachine(description="dom0 (this machine)")
        option = f"-F {self.ssh_config} " if self.ssh_config else ""
        return user_machine(
            self.dom0,
            user_config=self.ssh_config,
            description=f"dom0 ({self.dom0})",
            remedy=f"check that `ssh {option}-o BatchMode=yes {self.dom0} xl info` works as root;"
            f" if that machine is gone for good, remove what is below {instance_dir.ALL}",
        )

    @field_validator("ssh_config")
    @classmethod
    def _from_anywhere(cls, value: str) -> str:
        """Return an absolute path: cleaning up may happen in another folder."""
        try:
            return str(Path(value).expanduser().absolute()) if value else ""
        except RuntimeError as error:  # ~ of a user who does not exist
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _reached_by_a_link(self) -> Self:
        if bool(self.dom0) != bool(self.bridge and self.link):
            raise ValueError("`dom0`, `bridge` and `link` go together: another machine needs them")
        return self


class XenSettings(GuestSettings):
    """A virtual machine of Xen."""

    mode: Literal["pvh", "pv"] = "pvh"
    """How Xen runs it: `pvh` with the processor's support for virtualization, `pv` without it, by a
    paravirtualized kernel."""


class WholeXenSettings(XenSettings, WholeSystemSettings):
    """A virtual machine of Xen that is the server under test."""
