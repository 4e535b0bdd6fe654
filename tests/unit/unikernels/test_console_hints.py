# SPDX-License-Identifier: Apache-2.0
"""The meaning of the output of guests, QEMU and tenders."""

import pytest

from builders import captured
from featherbench import errors
from featherbench.contracts.image_description import Console
from featherbench.unikernels import console_hints, description_loader


@pytest.mark.parametrize(("said", "meaning"), captured("messages/guests"))
def test_known_output_of_guests_has_a_meaning(said, meaning):
    assert meaning in errors.find_hint(console_hints.OF_GUESTS, said).meaning


@pytest.mark.parametrize(("said", "meaning"), captured("messages/hypervisors"))
def test_known_output_of_hypervisors_has_a_meaning_and_a_remedy(said, meaning):
    found = errors.find_hint(console_hints.OF_HYPERVISORS, said)
    assert meaning in found.meaning
    assert found.remedy


@pytest.mark.parametrize(
    "said", ["", "floor: sent the packet", "DHCP is off", "Linux version 6.1", "0 errors"]
)
def test_harmless_output_has_no_meaning(said):
    assert errors.find_hint((*console_hints.OF_GUESTS, *console_hints.OF_HYPERVISORS), said) is None


@pytest.mark.parametrize("end", ["=== ERROR: _exit(1) called ===", "FATAL TRAP 12 (page fault)"])
@pytest.mark.parametrize(
    "file", sorted((description_loader.SHIPPED / "rumprun").glob("[!c]*.yaml"))
)
def test_rumpruns_ways_to_die_are_in_its_descriptions(file, end):
    assert console_hints.failure_in(description_loader.read(file).console, f"a\n{end}\nb") == end


def test_the_descriptions_own_signs_are_recognized():
    signs = Console(success="ready on port [0-9]+", failure=("panic: .*", "page fault"))
    assert console_hints.has_succeeded(signs, "nginx: ready on port 80")
    assert not console_hints.has_succeeded(signs, "nginx: ready")
    assert console_hints.failure_in(signs, "a\npanic: out of mbufs\nb") == "panic: out of mbufs"
    assert console_hints.failure_in(signs, "all is well") == ""
