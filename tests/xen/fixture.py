# SPDX-License-Identifier: Apache-2.0
"""A Xen for the tests: that of no machine, but one that QEMU emulates."""

import pytest

from featherbench.errors import ImageError
from xen import dom0_root, machine


@pytest.fixture(scope="session")
def dom0(on_the_machines_network):
    """Boot a dom0, for all tests that ask for it."""
    try:
        with on_the_machines_network():
            dom0_root.built()
        with machine.running() as booted:
            yield booted
    except ImageError as failure:
        if "Unable to locate package" in failure.message:
            pytest.skip(f"apt offers no Xen: {failure.message}")
        raise


@pytest.fixture(scope="session")
def xen_settings(dom0):
    """What a user would write below `hosts` to have it used."""
    return {
        "dom0": "node",
        "ssh_config": str(dom0.ssh_config),
        "bridge": dom0.bridge,
        "link": dom0.data_tap,
    }


@pytest.fixture
def left_in_dom0(dom0):
    """Give a function that names domains, block devices and folders of ours there."""

    def look():
        questions = (["xl", "list"], ["dmsetup", "ls"], ["losetup", "--list"])
        said = "\n".join(dom0.machine.run(each, timeout_s=60).stdout for each in questions)
        listing = ["ls", "/var/lib/featherbench/domains"]
        folders = dom0.machine.run(listing, timeout_s=60, check=False).stdout
        return {line for line in said.splitlines() if "featherbench" in line} | {*folders.split()}

    return look
