# SPDX-License-Identifier: Apache-2.0
"""Makes and removes what belongs to domains: folders on both machines, block devices in dom0.

The files of images are copied to dom0 once for each version; they stay sparse.

The folder on this machine names the domain's testbed and dom0, and is removed last: a domain of a
broken run is found by it.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from pydantic import ValidationError

from featherbench.contracts.vm_runner import name_of
from featherbench.errors import InstanceError
from featherbench.files import canonical_json, digest, write_atomic
from featherbench.ownership import Leftover
from featherbench.paths import resource
from featherbench.system import subprocesses
from featherbench.system.machine import LOCAL, Machine
from featherbench.vm import instance_dir
from featherbench.xen.settings import Dom0Settings
from featherbench.xen.xl import Disk, Domain, Xl, xl_config

SCRIPTS = resource("xen")
CACHE = Path("/var/lib/featherbench/images")
NAME_CHARACTERS = 16
PACK_WITHIN_S = 300.0
IN_DOM0 = Path("/var/lib/featherbench/domains")
SETTINGS = "dom0.json"
CONFIG, SEED = "domain.cfg", "seed.img"
STEP_WITHIN_S = 60.0
SCRIPT_WITHIN_S = 180.0
KIND = "domain"


def cached_path(file: Path) -> Path:
    """Return the path of the copy in dom0 of this version of a file."""
    status = file.stat()
    version = canonical_json([status.st_size, status.st_mtime_ns])
    names = (digest(part.encode())[:NAME_CHARACTERS] for part in (str(file.resolve()), version))
    return CACHE.joinpath(*names, file.name)


def _copy(dom0: Machine, file: Path, copy: Path) -> None:
    """Replace the old version of a file; the copy has its name only once it is complete."""
    incoming = copy.parent.with_suffix(".part")
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".tar") as packed:
        pack = ["tar", "--create", "--sparse", f"--file={packed.name}"]
        subprocesses.run([*pack, f"--directory={file.parent}", file.name], timeout_s=PACK_WITHIN_S)
        dom0.run(["rm", "-rf", str(copy.parent.parent)], timeout_s=STEP_WITHIN_S)
        dom0.run(["mkdir", "-p", str(incoming)], timeout_s=STEP_WITHIN_S)
        dom0.put(Path(packed.name), incoming / "packed.tar")
    unpack = ["tar", "--extract", f"--directory={incoming}", f"--file={incoming / 'packed.tar'}"]
    dom0.run(unpack, timeout_s=PACK_WITHIN_S)
    dom0.run(["rm", str(incoming / "packed.tar")], timeout_s=STEP_WITHIN_S)
    dom0.run(["mv", str(incoming), str(copy.parent)], timeout_s=STEP_WITHIN_S)


def path_in(dom0: Machine, file: Path) -> Path:
    """Return the path of a copied file in dom0: the file itself, if dom0 is this machine."""
    return file.resolve() if dom0 == LOCAL else cached_path(file)


def ensure_copied(dom0: Machine, files: Iterable[Path]) -> None:
    """Copy the files to dom0 that it does not have yet. Raise InstanceError."""
    for file in files:
        exists = ["test", "-e", str(path_in(dom0, file))]
        if dom0 == LOCAL or not dom0.run(exists, timeout_s=STEP_WITHIN_S, check=False).exit_status:
            continue
        what = f"{file} cannot be copied to {dom0.description}"
        remedy, place = "scp needs sftp-server in dom0", f"dom0's disk, below {CACHE}"
        with subprocesses.failure_as(InstanceError, what, remedy=remedy, place=place):
            _copy(dom0, file, path_in(dom0, file))


@dataclass(frozen=True, kw_only=True)
class DomainLifecycle:
    """The domains of featherbench under one dom0, of the hypervisor of that name."""

    hypervisor: str
    settings: Dom0Settings

    @property
    def dom0(self) -> Machine:
        """The machine that is dom0."""
        return self.settings.machine

    @property
    def xl(self) -> Xl:
        """The program xl there."""
        return Xl(dom0=self.dom0)

    def begin(self, instance_id: str, *, state: str) -> None:
        """Make the folders of a future domain on both machines."""
        folder = instance_dir.make(instance_id, state=state, hypervisor=self.hypervisor)
        write_atomic(folder.path / SETTINGS, self.settings.model_dump_json())
        argv = ["mkdir", "-p", "-m", "700", str(IN_DOM0 / instance_id)]
        self.dom0.run(argv, timeout_s=STEP_WITHIN_S)

    def write(self, instance_id: str, name: str, text: str) -> Path:
        """Write a file to the domain's folder in dom0, and return its path."""
        file = IN_DOM0 / instance_id / name
        self.dom0.run(["tee", "--", str(file)], timeout_s=STEP_WITHIN_S, stdin=text)
        return file

    def _run_script(self, script: str, instance_id: str, *words: str) -> str:
        """Run one of the scripts of `resources/xen` in dom0, and return its output."""
        argv = ["sh", "-s", "--", str(IN_DOM0 / instance_id), name_of(instance_id), *words]
        text = (SCRIPTS / f"{script}.sh").read_text(encoding="utf-8")
        return self.dom0.run(argv, timeout_s=SCRIPT_WITHIN_S, stdin=text).stdout

    def attach(self, instance_id: str, disks: Sequence[Disk]) -> tuple[Disk, ...]:
        """Make block devices of files; what is written is discarded. Raise InstanceError."""
        if not disks:
            return ()
        both = ((str(disk.source), "ro" if disk.readonly else "rw") for disk in disks)
        what = f"{self.dom0.description} cannot make disks of the image"
        remedy = "in dom0: apt-get install dmsetup; modprobe loop dm-snapshot xen-blkback"
        with subprocesses.failure_as(InstanceError, what, remedy=remedy):
            devices = self._run_script("attach", instance_id, *chain(*both)).split()
        return tuple(
            replace(disk, source=Path(device)) for disk, device in zip(disks, devices, strict=True)
        )

    def create(self, domain: Domain, console: Path, store: Mapping[str, str]) -> None:
        """Make a domain whose folders exist, and record its console; see `Xl.create`."""
        config = self.write(domain.instance_id, CONFIG, xl_config(domain))
        console.parent.mkdir(parents=True, exist_ok=True)
        console.touch()
        self.xl.create(domain.instance_id, config, store)
        self.xl.record_console(domain.instance_id, console)

    def end(self, instance_id: str) -> None:
        """End a domain, and remove what was made for it; no error if it is gone already."""
        if not instance_dir.of(instance_id).path.exists():
            return
        what = f"the domain {name_of(instance_id)} cannot be removed"
        remedy = f"see `xl list`, `dmsetup ls`, `losetup --list` in {self.dom0.description}"
        with subprocesses.failure_as(InstanceError, what, remedy=remedy):
            self._run_script("detach", instance_id)
        instance_dir.remove(instance_id)

    def end_others(self, state: str) -> None:
        """End this testbed's other domains under this dom0; there should be none.

        One that could not be ended while dom0 was silent would answer instead of the next one,
        which has the same address. Raise InstanceError.
        """
        for leftover in list(self.leftovers()):
            settings = _settings_of(leftover.name) if leftover.state == state else None
            if settings is not None and settings.dom0 == self.settings.dom0:
                self.end(leftover.name)

    def leftovers(self) -> Iterator[Leftover]:
        """Yield domains by their folders on this machine."""
        for found in instance_dir.owned():
            if found.hypervisor == self.hypervisor:
                yield Leftover(kind=KIND, name=found.instance_id, state=found.state)


def _settings_of(instance_id: str) -> Dom0Settings | None:
    """Return a domain's dom0; None if a killed run had not used it yet. Raise InstanceError."""
    file = instance_dir.of(instance_id).path / SETTINGS
    if not file.exists():
        return None
    try:
        return Dom0Settings.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise InstanceError(
            f"{file}, which names the dom0 of the domain {name_of(instance_id)}, cannot be read",
            remedy=f"destroy the domain by hand, and remove {file.parent}",
        ) from error


def remove(hypervisor: str, leftover: Leftover) -> None:
    """End a domain of a broken run, in the dom0 that its folder names."""
    settings = _settings_of(leftover.name)
    if settings is None:
        instance_dir.remove(leftover.name)
    else:
        DomainLifecycle(hypervisor=hypervisor, settings=settings).end(leftover.name)
