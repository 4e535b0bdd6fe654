# SPDX-License-Identifier: Apache-2.0
"""A plain process on this machine's Linux: the baseline.

It runs in a chroot with the same root file system as the other technologies, so that it has the
same bytes, and in its own control group, so that it is accounted in the same way.
"""

import errno
import os
import platform
import resource
import shutil
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from featherbench.contracts import technology
from featherbench.contracts.technology import BASE, BuildRequest, StartRequest
from featherbench.errors import (
    RESULTS_DISK,
    ImageError,
    InstanceDiedError,
    InstanceError,
    error_of_system,
    remedy_of,
)
from featherbench.files import digest
from featherbench.ownership import Leftover
from featherbench.records.cell import Usage
from featherbench.records.instance import Image, Instance
from featherbench.records.requirement import MissingRequirement
from featherbench.records.tuning import Tuning
from featherbench.rootfs.archives import files_layer, folder_bytes, image_record, unpack
from featherbench.services import launcher
from featherbench.system import cgroup, programs, subprocesses, sysctls
from featherbench.system.cgroup import ControlGroup
from featherbench.system.polling import wait_until

NAME = "linux"
NEEDS = {"unshare": "util-linux", "tar": "tar", **programs.FOR_ROOT_FILESYSTEM}
WRAPPERS = {"unshare", "setpriv"}
"""The programs that the process runs before the service."""
START_WITHIN_S = 10.0
STOP_GRACE_S = 5.0
POLL_S = 0.001
LOG_TAIL_CHARACTERS = 2_000
PROC = Path("/proc")


def _check_devices(tree: Path) -> None:
    if os.statvfs(tree).f_flag & os.ST_NOEXEC:
        raise ImageError(
            f"programs cannot be run below {tree}: its file system is mounted with `noexec`",
            remedy="keep the results on a file system that is mounted without `noexec`",
        )
    try:
        (tree / "dev/null").write_bytes(b"x")
    except OSError as refused:
        nodev = "keep the results on a file system that is mounted without `nodev`"
        raise ImageError(
            f"device nodes do not work below {tree}: {refused.strerror}",
            remedy=nodev if refused.errno == errno.EACCES else error_of_system(refused).remedy,
        ) from refused


def _make_tree(request: BuildRequest, layer: bytes) -> Path:
    """Unpack the root file system, and the service's files over it.

    Each image has its own tree: with hard links to a shared one, a server that writes to a file
    would change the other images.
    """
    tree = request.into / "tree"
    what = f"the tree of {request.service} cannot be unpacked"
    with subprocesses.failure_as(ImageError, what, place=RESULTS_DISK):
        unpack(request.root_filesystems[BASE].tar, layer, tree)
    _check_devices(tree)
    return tree


def chrooted(tree: Path, command: Sequence[str], address: str) -> list[str]:
    """Return the command that runs `command` in `tree`, unprivileged, at `address`.

    It has its own mounts (`--mount`, with private propagation) with a /proc inside the tree. Each
    program replaces the one before: the process stays the same.
    """
    uid = str(launcher.SERVICE_UID)
    return [
        *("unshare", "--mount", "--mount-proc", f"--root={tree}", "--wd=/", "--"),
        *("/usr/bin/setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"),
        *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
        *launcher.with_address(command, address),
    ]


def _confine(group: ControlGroup, cpus: Sequence[int], nofile: int | None) -> None:
    """Set, in the new process, the control group, CPUs and limit that the service inherits."""
    cgroup.join(group)
    os.sched_setaffinity(0, cpus)
    if nofile is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))


def _tree_of(image: Image) -> Path:
    """Return the image's tree, whose path is kept as seen from the workflow's folder."""
    tree = Path(image.reference["tree"]).resolve()
    if not (tree / "usr").exists():
        raise ImageError(
            f"the tree {tree} of the image is gone",
            remedy=f"rm -f {tree.parent.with_suffix('.digest')}, and run again: it is rebuilt",
        )
    return tree


def _empty_scratch(tree: Path) -> None:
    """Remove what an earlier instance wrote to its only writable folder."""
    scratch = tree / launcher.SCRATCH.strip("/")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    scratch.chmod(0o1777)


def _tail(log: Path) -> str:
    output = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return output[-LOG_TAIL_CHARACTERS:].strip() or "nothing"


def _wait_for_service(group: ControlGroup, pid: int, log: Path) -> None:
    """Wait until the process runs the service. Raises InstanceError when it ended before."""

    def is_service() -> bool:
        if pid not in cgroup.members(group):
            output = _tail(log)
            what = f"the process ended at once; its output: {output}"
            raise InstanceError(what, remedy=remedy_of(output))
        return (PROC / str(pid) / "comm").read_text(encoding="utf-8").strip() not in WRAPPERS

    wait_until(is_service, what="start of the process", within_s=START_WITHIN_S, every_s=POLL_S)


class Technology(technology.Technology):
    """See `contracts/technology.py`."""

    root_filesystems = (BASE,)
    try_out_files = ()

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Return missing programs and rights."""
        return [*programs.missing_root(), *programs.missing(NEEDS)]

    def build_image(self, request: BuildRequest) -> Image:
        """Unpack a tree for the service."""
        root, layer = request.root_filesystems[BASE], files_layer(request.files)
        tree = _make_tree(request, layer)
        allocated, apparent = folder_bytes(tree)
        return image_record(
            request,
            root,
            technology=NAME,
            digest=digest(root.digest.encode(), layer),
            reference={"tree": str(tree)},
            layer=layer,
            allocated_bytes=allocated,
            apparent_bytes=apparent,
            counted="the extracted tree of files; compressed: gzip of its two archives",
            build_log=f"unpacked {root.tar} and {len(request.files)} files",
        )

    def start(self, request: StartRequest) -> Instance:
        """Start the process in its own control group."""
        tree = _tree_of(request.image)
        _empty_scratch(tree)
        request.log.parent.mkdir(parents=True, exist_ok=True)
        group = cgroup.own_group(request.instance_id)
        began_s = time.monotonic()
        cgroup.create(group, owner=str(request.placement.state))
        try:
            process = subprocesses.start(
                chrooted(tree, request.command, request.placement.address),
                output=request.log,
                before_exec=partial(_confine, group, request.placement.cpus, request.tuning.nofile),
            )
            _wait_for_service(group, process.pid, request.log)
        except BaseException:
            cgroup.end(group, grace_s=0)
            raise
        return request.started(
            NAME,
            request.placement.address,
            handle={"pid": process.pid, "log": str(request.log)},
            phases_s={"start": time.monotonic() - began_s},
        )

    def is_running(self, instance: Instance) -> bool:
        """Return whether the first process lives; the kernel does not list zombies in a group."""
        return instance.handle["pid"] in cgroup.members(cgroup.own_group(instance.id))

    def diagnosis(self, instance: Instance) -> str:
        """Return the state of the process and the end of its output."""
        state = "it runs" if self.is_running(instance) else "its process ended"
        return f"{state}; its output: {_tail(Path(instance.handle['log']))}"

    def stop(self, instance: Instance) -> None:
        """End all processes of its control group, and remove the group."""
        cgroup.end(cgroup.own_group(instance.id), grace_s=STOP_GRACE_S)

    def usage(self, instance: Instance) -> Usage:
        """Read its control group."""
        try:
            return cgroup.usage_of(cgroup.own_group(instance.id))
        except OSError as gone:
            raise InstanceDiedError(
                f"the control group of {instance.id} is gone: the instance was stopped"
            ) from gone

    def processes(self, instance: Instance) -> Sequence[int]:
        """Return the members of its control group."""
        return sorted(cgroup.members(cgroup.own_group(instance.id)))

    def reset_peak(self, instance: Instance) -> bool:
        """Reset the peak of its control group."""
        return cgroup.reset_peak(cgroup.own_group(instance.id))

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Read the machine's sysctls, which are the process's, and the process's limit."""
        return sysctls.of_process(instance.handle["pid"], tuning)

    def leftovers(self) -> Sequence[Leftover]:
        """Return featherbench's control groups."""
        return [
            Leftover(kind="process", name=group.name, state=cgroup.owner_of(group))
            for group in cgroup.own_groups()
        ]

    def remove(self, leftover: Leftover) -> None:
        """End what runs in the control group, and remove the group."""
        instance_id = leftover.name.removeprefix(cgroup.PREFIX)
        cgroup.end(cgroup.own_group(instance_id), grace_s=STOP_GRACE_S)

    def facts(self) -> Mapping[str, str]:
        """Return the version of the kernel."""
        return {"kernel": platform.release()}
