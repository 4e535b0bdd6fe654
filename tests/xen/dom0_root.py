# SPDX-License-Identifier: Apache-2.0
"""Builds what dom0 boots from, once for each state of the recipe and of the packages.

Too large for the checkout, and worth keeping longer: see CACHE.
"""

import gzip
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from featherbench.files import digest, write_atomic
from featherbench.planning.code_digest import facts_of
from featherbench.rootfs import mmdebstrap
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until
from featherbench.testbed.lock import try_lock
from featherbench.vm import initrd

CACHE = Path("/var/cache/featherbench-tests/xen")
RESOURCES = Path(__file__).parent / "resources"
SUITE = "bookworm"
PACKAGES = (
    "busybox-static",  # the programs of the initial RAM disk
    "dmsetup",
    "iproute2",
    "iputils-ping",
    "kmod",
    "linux-image-amd64",  # the cloud kernel cannot be dom0's
    "openssh-server",
    "procps",
    "xen-hypervisor-4.17-amd64",
    "xen-utils-4.17",
    "xenstore-utils",
)
UNUSED_MODULES = (
    *("drivers/gpu", "drivers/iio", "drivers/infiniband", "drivers/media", "drivers/staging"),
    *("drivers/net/ethernet", "drivers/net/wireless", "drivers/usb", "sound"),
)
DOM0_MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "ext4", "crc32c_generic")
DISK_BYTES = 8 << 30
"""What dom0 does not write is not allocated: room for guests' disks."""
UNPACK_WITHIN_S = MAKE_DISK_WITHIN_S = 300.0
ASK_APT_WITHIN_S = 60.0
ANOTHER_BUILD_WITHIN_S = mmdebstrap.BUILD_WITHIN_S


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The files that dom0 boots from."""

    folder: Path

    @property
    def hypervisor(self):
        return self.folder / "xen"

    @property
    def kernel(self):
        return self.folder / "vmlinuz"

    @property
    def initrd(self):
        return self.folder / "initrd.img"

    @property
    def disk(self):
        return self.folder / "disk.raw"


def candidates(policy):
    """Map each package to the version that apt would install, from `apt-cache policy`."""
    return dict(re.findall(r"^(\S+):\n  Installed: .*\n  Candidate: (\S+)", policy, re.MULTILINE))


def _name_of_state():
    """Give a name that changes with the recipe and with the packages that apt offers here."""
    asked = subprocesses.run(["apt-cache", "policy", *PACKAGES], timeout_s=ASK_APT_WITHIN_S)
    modules = (initrd, mmdebstrap)
    code = [facts_of(Path(module.__file__)).does for module in modules]
    recipe = [file.read_bytes() for file in (Path(__file__), *sorted(RESOURCES.iterdir()))]
    packages = repr(sorted(candidates(asked.stdout).items()))
    return digest(*(text.encode() for text in (packages, *code)), *recipe)[:16]


def _install_command(tar, temporary):
    sources = mmdebstrap.sources_of_suite(SUITE, mmdebstrap.machine_sources())
    left_out = [f"--dpkgopt=path-exclude=/lib/modules/*/kernel/{name}/*" for name in UNUSED_MODULES]
    command = mmdebstrap.command(
        SUITE,
        tar=tar,
        sources=mmdebstrap.source_list(SUITE, sources, temporary),
        keyrings=mmdebstrap.collected_keyrings(temporary),
        customization=mmdebstrap.Customization(
            options=("--variant=minbase", f"--include={','.join(PACKAGES)}", *left_out), hooks=()
        ),
    )
    return ["env", "INITRD=No", *command]  # Debian's initial RAM disk: half a minute for nothing


def _initrd(tree):
    """Make the initial RAM disk: busybox, a script, and modules of the kernel in the tree."""
    (modules,) = (tree / "lib/modules").iterdir()
    order = initrd.load_order((modules / "modules.dep").read_text(), DOM0_MODULES)
    content = {Path(path).name: (modules / path).read_bytes() for path in order}
    return initrd.archive(
        {
            "init": (RESOURCES / "first-init").read_bytes(),
            "busybox": (tree / "bin/busybox").read_bytes(),
            "modules": "".join(f"/{name}\n" for name in content).encode(),
            **content,
        }
    )


def _take_boot_files(tree, into):
    """Move hypervisor and kernel out of the tree."""
    (kernel,) = tree.glob("boot/vmlinuz-*")
    (hypervisor,) = tree.glob("boot/xen-4.17-amd64.gz")
    shutil.move(kernel, into.kernel)
    write_atomic(into.hypervisor, gzip.decompress(hypervisor.read_bytes()))
    shutil.rmtree(tree / "boot")


def _configure(tree):
    init = tree / "usr/local/sbin/dom0-init"
    shutil.copyfile(RESOURCES / "dom0-init", init)
    init.chmod(0o755)
    shutil.copyfile(RESOURCES / "sshd.conf", tree / "etc/ssh/sshd_config.d/featherbench.conf")
    (tree / "etc/hostname").write_text("dom0\n")
    (tree / "etc/resolv.conf").write_text("")


def _make_disk(tree, disk):
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocesses.run(
        ["mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d", str(tree), str(disk)],
        timeout_s=MAKE_DISK_WITHIN_S,
    )


def _assemble(tar, tree, into):
    tree.mkdir()
    unpack = ["tar", "-x", "--numeric-owner", "-p", f"--directory={tree}", f"--file={tar}"]
    subprocesses.run(unpack, timeout_s=UNPACK_WITHIN_S)
    _take_boot_files(tree, into)
    write_atomic(into.initrd, _initrd(tree))
    _configure(tree)
    _make_disk(tree, into.disk)


def _build(into):
    """Build everything into a folder that is there, and empty. Raises ImageError."""
    parts, tar = Parts(folder=into), into / "root.tar"
    with mmdebstrap.temporary_folder(tar) as temporary:
        command = _install_command(tar, temporary)
        log = into / "build.log"
        mmdebstrap.build(command, what="the tests' dom0", log=log, temporary=temporary)
        _assemble(tar, temporary / "tree", parts)
    tar.unlink()


@contextmanager
def _only_builder():
    lock = wait_until(
        lambda: try_lock(CACHE / "lock"),
        what="another build of dom0",
        within_s=ANOTHER_BUILD_WITHIN_S,
        every_s=0.5,
    )
    try:
        yield
    finally:
        lock.release()


def built():
    """Give what dom0 boots from, built if it is not there. Raises ImageError when it cannot be."""
    folder = CACHE / _name_of_state()
    with _only_builder():
        if not folder.exists():
            unfinished = CACHE / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            _build(unfinished)
            unfinished.rename(folder)
    return Parts(folder=folder)
