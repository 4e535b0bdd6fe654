# SPDX-License-Identifier: Apache-2.0
"""The settings of a virtual machine, the XML of its domain, and the metadata in it."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pydantic import ValidationError

from featherbench import registry
from featherbench.contracts.vm_runner import SystemBoot, VmRequest, boot_files_in, mac_of
from featherbench.vm import instance_dir
from featherbench.vm.libvirt import domains
from featherbench.vm.libvirt.domain_xml import CMDLINE, DomainDefinition, QemuSettings, domain_xml

CAPTURED = Path(__file__).parents[3] / "data/vm"
BOOT = SystemBoot(
    files=boot_files_in(Path("/i")),
    settings=QemuSettings(disk_cache="none"),
    init="/init",
    seed=dict,
    kernel_words="a<b",
)
GUEST = DomainDefinition(
    request=VmRequest(
        instance_id="abc",
        state="/run/featherbench",
        cpus=(2, 3),
        memory_mib=256,
        console=Path("/l/console.log"),
        boot=BOOT,
    ),
    folder=instance_dir.at(Path("/g")),
    accelerator="tcg",
    bridge="fb-guest0",
    vhost=False,
)


def xml(**changed):
    return ET.fromstring(domain_xml(replace(GUEST, **changed)))


@pytest.mark.parametrize(
    ("accelerator", "domain", "cpu"),
    [("kvm", "kvm", "host-passthrough"), ("tcg", "qemu", "maximum")],
)
def test_the_type_of_the_domain_is_the_accelerators(accelerator, domain, cpu):
    found = xml(accelerator=accelerator)
    assert found.get("type") == domain
    assert found.find("cpu").get("mode") == cpu


def test_shape_and_machine_are_as_defined():
    boot = replace(BOOT, settings=QemuSettings(machine="pc"))
    found = xml(request=replace(GUEST.request, boot=boot))
    assert found.findtext("name") == "featherbench-abc"
    assert found.findtext("vcpu") == "2"
    assert (found.findtext("memory"), found.find("memory").get("unit")) == ("256", "MiB")
    assert found.find("os/type").get("machine") == "pc"


def test_every_thread_stays_on_the_servers_cpus():
    tune = xml().find("cputune")
    assert [each.get("vcpu") for each in tune.findall("vcpupin")] == ["0", "1"]
    assert {each.get("cpuset") for each in tune} == {"2,3"}
    assert tune.find("emulatorpin") is not None


def test_the_kernel_is_loaded_directly_with_its_literal_command_line():
    found = xml()
    assert found.findtext("os/kernel") == "/i/vmlinuz"
    assert found.findtext("os/initrd") == "/i/initrd.img"
    assert found.findtext("os/cmdline") == f"{CMDLINE} fb_init=/init a<b"
    assert found.find("os/boot") is None


def test_disks_keep_their_order_format_and_cache():
    root, seed = xml().findall("devices/disk")
    assert root.find("driver").attrib == {"name": "qemu", "type": "qcow2", "cache": "none"}
    assert root.find("target").attrib == {"dev": "vda", "bus": "virtio"}
    assert (root.findtext("serial"), root.find("readonly")) == ("featherbench-root", None)
    assert seed.find("source").get("file") == "/g/seed.img"
    assert seed.find("target").get("dev") == "vdb"
    assert seed.find("readonly") is not None


@pytest.mark.parametrize(("vhost", "driver"), [(True, "vhost"), (False, "qemu")])
def test_the_network_card_is_on_the_bridge(vhost, driver):
    card = xml(vhost=vhost).find("devices/interface")
    assert card.find("source").get("bridge") == "fb-guest0"
    assert card.find("mac").get("address") == mac_of("abc")
    assert card.find("model").get("type") == "virtio"
    assert card.find("driver").get("name") == driver


def test_a_guest_that_ends_is_gone():
    found = xml()
    assert {found.findtext(f"on_{event}") for event in ("poweroff", "reboot", "crash")} == {
        "destroy"
    }


def test_console_and_report_go_to_files():
    ports = xml().findall("devices/serial")
    assert [port.find("source").get("path") for port in ports] == [
        "/l/console.log",
        "/g/report.log",
    ]
    assert [port.find("target").get("port") for port in ports] == ["0", "1"]


def test_the_guest_reports_its_memory_and_files_keep_their_owner():
    assert xml().find("devices/memballoon/stats").get("period") == "1"
    label = xml().find("seclabel")
    assert (label.get("model"), label.get("relabel")) == ("dac", "no")


def test_the_metadata_is_read_back_and_a_domain_without_it_is_not_owned():
    assert domains.parse_metadata(domain_xml(GUEST)) == ("abc", "/run/featherbench", "tcg")
    as_libvirt_has_it = domains.parse_metadata((CAPTURED / "domain.xml").read_text())
    assert as_libvirt_has_it.instance_id.startswith("t")
    assert as_libvirt_has_it[1:] == ("/tmp/state", "tcg")
    assert domains.parse_metadata("<domain><name>featherbench-x</name></domain>") is None


def test_a_microvm_is_refused_with_the_reason():
    with pytest.raises(ValidationError, match="libvirt cannot define a microvm"):
        QemuSettings(machine="microvm")


def test_defaults():
    settings = registry.platform("linux", "tcg").Settings().guest
    assert (settings.memory_mib, settings.vcpus, settings.machine) == (1024, "auto", "q35")
    assert settings.init == "systemd"
