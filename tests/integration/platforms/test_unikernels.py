# SPDX-License-Identifier: Apache-2.0
"""Our own guest `floor` under software emulation: real boots, and whatever can go wrong."""

import os
import pickle
import signal
import struct
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from builders import UnikernelSubject, placement_on
from featherbench import registry
from featherbench.cli import unikernel_check
from featherbench.contracts.bench import Client
from featherbench.contracts.vm_runner import addresses_in
from featherbench.errors import ImageError, InstanceDiedError, InstanceError
from featherbench.measuring.first_packet import listening, watching
from featherbench.records.tuning import Tuning
from featherbench.system import cgroup, iproute
from featherbench.system.polling import wait_until
from featherbench.unikernels import description_loader, process_runner, tap
from featherbench.unikernels.process_runner import ProcessRunner
from featherbench.vm import bridge

pytestmark = pytest.mark.testbed
BOOTS_WITHIN_S = 30.0
"""Other tests may be using the processors."""
TUNING = Tuning(net_sysctls={"net.core.somaxconn": "1234"}, nofile=4321)

DIES = "cli; 1: hlt; jmp 1b"
RESETS = "lidt empty; int3; 1: jmp 1b; empty: .word 0; .long 0"
POWERS_OFF = "movw $0x604, %dx; movw $0x2000, %ax; outw %ax, %dx; 1: jmp 1b"
"""By the register that QEMU's old PC has for it."""
EXITS_83 = "movb $41, %al; outb %al, $0xf4; 1: jmp 1b"
"""By isa-debug-exit, which doubles the number and adds one."""


def says(text):
    """Instructions that print a text on the first serial port."""
    letters = "; ".join(f"movb ${ord(letter)}, %al; outb %al, %dx" for letter in text + "\n")
    return f"movw $0x3f8, %dx; {letters}; "


@pytest.fixture(scope="module")
def kernel_of(tmp_path_factory):
    """Make a guest's kernel that consists of a few instructions, started by the PVH protocol."""
    folder = tmp_path_factory.mktemp("kernels")

    def make(instructions):
        source, kernel = folder / "guest.S", folder / f"{uuid.uuid4().hex}.elf"
        note = '.section .note.pvh, "a", @note; .long 4, 4, 18; .asciz "Xen"; .long _start'
        source.write_text(f"{note}\n.text\n.globl _start\n_start: {instructions}\n")
        flags = ("-m32", "-nostdlib", "-static", "-Wl,-Ttext=0x100000", "-Wl,--build-id=none")
        subprocess.run(["gcc", *flags, "-o", kernel, source], check=True, capture_output=True)
        return kernel

    return make


class Guests(UnikernelSubject):
    """Guests of `floor` on the wire."""

    def end_of(self, instance):
        return super().end_of(instance, within_s=BOOTS_WITHIN_S)

    def await_said(self, instance, words):
        self.await_diagnosis(instance, words, within_s=BOOTS_WITHIN_S)

    def leftovers(self):
        return super().leftovers(registry.load("hypervisors", "tcg"))


@pytest.fixture(scope="module")
def technology():
    driver = registry.platform("floor", "tcg")
    if missing_requirements := driver.missing_requirements():
        pytest.skip(missing_requirements[0].what)
    return driver


@pytest.fixture
def guests(technology, wire, tmp_path):
    placement = placement_on(wire, tmp_path, hypervisor="tcg")
    given = Guests(technology=technology, placement=placement, folder=tmp_path)
    yield given
    for leftover in given.leftovers():
        registry.load("hypervisors", "tcg").remove(leftover)


@pytest.fixture(scope="module")
def floor(technology, tmp_path_factory):
    """Its image; no test changes that."""
    folder = tmp_path_factory.mktemp("floor")
    made_for = SimpleNamespace(state=folder)
    return Guests(technology=technology, placement=made_for, folder=folder).image()


def assert_nothing_left_of(instance):
    assert not iproute.exists(tap.name_of(instance.id))
    assert cgroup.members(cgroup.own_group(instance.id)) == set()


def await_packet(receiver):
    return wait_until(receiver.stamp_ns, what="the packet", within_s=BOOTS_WITHIN_S)


# --- what works ----------------------------------------------------------------------------------


@pytest.mark.parametrize("memory_mib", [2, 8, 512])
def test_it_sends_the_nonce_and_continues_to_run(guests, floor, memory_mib):
    with listening(guests.placement.callback_address, "abc") as listener:
        instance = guests.start(floor, port=listener.port, nonce="abc", memory_mib=memory_mib)
        await_packet(listener)
    assert guests.technology.is_running(instance)
    assert "floor: sent the packet" in guests.technology.diagnosis(instance)
    assert guests.technology.tuning_in_force(instance, TUNING).keys() == {
        "net.core.somaxconn",
        "nofile",
    }
    guests.technology.stop(instance)
    assert_nothing_left_of(instance)
    guests.technology.stop(instance)


def test_it_answers_the_clients_pings_and_sleeps_in_between(guests, floor, wire):
    instance = guests.start(floor)
    address = instance.endpoint.ping_address
    wait_until(
        lambda: "1 received" in wire.client("sh", "-c", f"ping -c 1 -W 1 {address} || true"),
        what="a pong",
        within_s=BOOTS_WITHIN_S,
    )
    said = wire.client("ping", "-c", "20", "-i", "0.02", "-s", "1400", address)
    assert "20 received" in said
    before_s = guests.technology.usage(instance).cpu_s
    time.sleep(1)  # what is waited for is that nothing happens
    assert guests.technology.usage(instance).cpu_s - before_s < 0.2


def test_its_first_frame_is_seen_without_a_probe(guests):
    image = guests.image(packet="first")
    assert not guests.technology.has_probe(image)
    request = guests.request(image)
    guests.technology.prepare(request)
    frame = guests.technology.first_frame(request)
    with watching(frame.interface, frame.mac) as watcher:
        began_ns = time.time_ns()
        guests.technology.start(request)
        stamp_ns = await_packet(watcher)
    assert began_ns < stamp_ns < time.time_ns()


def test_every_thread_of_qemu_stays_on_the_servers_cpus(guests, floor):
    instance = guests.start(floor)
    for thread in Path(f"/proc/{process_runner.process_id(instance.id)}/task").iterdir():
        assert os.sched_getaffinity(int(thread.name)) == set(guests.placement.cpus)


def test_builds_are_reproducible_and_every_file_is_counted(guests, floor):
    assert guests.image().digest == floor.digest
    assert guests.image(memory_mib=4).digest != floor.digest
    kernel = Path(floor.reference["kernel"])
    assert floor.size.apparent_bytes == kernel.stat().st_size
    assert 0 < floor.size.compressed_bytes < floor.size.apparent_bytes
    assert "gcc" in floor.versions["made by"]


@pytest.mark.parametrize("form", ["raw", "qcow2"])
def test_a_disk_is_counted_and_does_not_change(guests, tmp_path, form):
    disk = tmp_path / "data.img"
    subprocess.run(["qemu-img", "create", "-q", "-f", form, disk, "1M"], check=True)
    before = disk.read_bytes()
    image = guests.image(boot="kernel+disk", disks=[{"path": str(disk), "format": form}])
    assert image.size.apparent_bytes > disk.stat().st_size
    with listening(guests.placement.callback_address, "abc") as listener:
        guests.start(image, port=listener.port, nonce="abc")
        await_packet(listener)
    assert disk.read_bytes() == before


# --- what goes wrong -----------------------------------------------------------------------------


def test_a_dead_guest_under_a_live_qemu_is_reported(guests, kernel_of):
    instance = guests.start(guests.image(kernel=kernel_of(DIES)))
    guests.await_said(instance, "the guest is dead")
    assert guests.technology.is_running(instance)


def test_the_descriptions_sign_of_failure_ends_the_wait(guests, kernel_of):
    kernel = kernel_of(says("page fault at 0x10") + DIES)
    image = guests.image(kernel=kernel, console={"failure": ["page fault .*"]})
    said = guests.end_of(guests.start(image))
    assert "'page fault at 0x10'" in said


def test_the_guests_own_message_is_reported(guests):
    said = guests.end_of(guests.start(guests.image(arguments="nonsense")))
    assert "floor: bad arguments" in said


@pytest.mark.parametrize(
    ("ends", "status"), [(POWERS_OFF, 0), (RESETS, 0), (EXITS_83, 83)], ids=["off", "reset", "83"]
)
def test_an_end_before_it_is_ready_is_reported_with_its_status(guests, kernel_of, ends, status):
    debug_exit = "isa-debug-exit,iobase=0xf4,iosize=1"
    image = guests.image(kernel=kernel_of(says("leaving") + ends), devices=[debug_exit])
    instance = guests.start(image)
    said = guests.end_of(instance)
    assert f"ended by itself, with status {status}" in said
    assert "leaving" in said
    with pytest.raises(InstanceDiedError):
        guests.technology.usage(instance)


def test_an_allowed_end_is_no_failure(guests, kernel_of):
    image = guests.image(kernel=kernel_of(POWERS_OFF), accepted_exits=[0])
    instance = guests.start(image)
    guests.end_of(instance)
    assert guests.technology.usage(instance).cpu_s is None


def test_waiting_for_dhcp_is_reported(guests, kernel_of):
    instance = guests.start(guests.image(kernel=kernel_of(says("eth0: DHCP discover") + DIES)))
    guests.await_said(instance, "waits for DHCP")


def test_a_feature_that_qemu_lacks_is_reported(guests):
    said = guests.end_of(guests.start(guests.image(devices=["no-such-device"])))
    assert "does not have what the description asks for" in said
    assert "no-such-device" in said


def test_a_kernel_that_qemu_cannot_boot_is_reported(guests, kernel_of):
    kernel = kernel_of(DIES)
    subprocess.run(["objcopy", "--remove-section=.note.pvh", kernel], check=True)
    said = guests.end_of(guests.start(guests.image(kernel=kernel)))
    assert "for another hypervisor or another machine" in said


def test_a_kernel_for_another_machine_and_a_disk_in_another_format_are_refused(guests, tmp_path):
    kernel, disk = tmp_path / "arm.elf", tmp_path / "data.qcow2"
    kernel.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, 183) + bytes(999))
    with pytest.raises(ImageError, match="AArch64"):
        guests.image(kernel=kernel)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"], check=True)
    with pytest.raises(ImageError, match="wrong disk format"):
        guests.image(boot="kernel+disk", disks=[{"path": str(disk), "format": "raw"}])


def test_an_image_that_has_changed_or_is_gone_is_refused(guests, kernel_of):
    kernel = kernel_of(DIES)
    image = guests.image(kernel=kernel)
    kernel.write_bytes(kernel.read_bytes() + b"more")
    with pytest.raises(ImageError, match="has changed"):
        guests.start(image)
    with pytest.raises(ImageError, match="the image changed"):
        guests.image(kernel=kernel, sha256="0" * 64)
    kernel.unlink()
    with pytest.raises(ImageError, match="is gone"):
        guests.start(image)


def test_a_tool_that_fails_is_an_error(guests):
    make = {"command": ["gcc", "/no/such/file.c"], "version": ["gcc", "--version"]}
    with pytest.raises(ImageError, match="No such file"):
        guests.image(make=make)


def test_a_refusal_of_qemu_leaves_nothing(guests):
    image = guests.image(machine="no-such-machine")
    instance = guests.start(image)
    assert "does not have what the description asks for" in guests.end_of(instance)
    guests.technology.stop(instance)
    assert_nothing_left_of(instance)


def test_a_missing_program_leaves_nothing(guests, floor, monkeypatch):
    request = guests.request(floor)
    guests.technology.prepare(request)
    monkeypatch.setattr(process_runner, "qemu_command", lambda *_, **__: ["/no/such/qemu"])
    with pytest.raises(InstanceError):
        guests.technology.start(request)
    assert not iproute.exists(tap.name_of(request.instance_id))


# --- `unikernel check` ---------------------------------------------------------------------------


@pytest.fixture
def checked(guests, wire):
    """Check a description, and give whether it is good, with the lines that were said."""

    def checked_it(file, service="startup", within_s=BOOTS_WITHIN_S):
        said = []
        wanted = unikernel_check.Check(
            file=file,
            service=service,
            runner=ProcessRunner(accelerator="tcg"),
            folder=guests.folder,
            client=Client(
                address=wire.client_address,
                cpus=guests.placement.cpus,
                namespace=Path("/run/netns") / wire.namespace,
                nofile=None,
            ),
            placement=guests.placement,
            workload_settings=registry.load("workloads", service).Settings(),
            connections=100,
            within_s=within_s,
        )
        return unikernel_check.run(wanted, said.append), "\n".join(said)

    return checked_it


def test_a_check_reports_line_by_line(guests, checked):
    good, said = checked(description_loader.shipped("floor", "startup", "qemu"))
    assert good
    for words in ("sha256", "made by: gcc", "the packet with its nonce", "a pong", "': seen"):
        assert words in said
    assert not [each for each in guests.leftovers() if each.kind == "unikernel"]


def test_a_check_reports_the_values_set_in_the_guest(guests, floor, checked):
    program = guests.folder / "vendors"
    program.write_text('#!/bin/sh\necho "$WHERE $1"\n')
    program.chmod(0o755)
    file = guests.folder / "startup.yaml"
    described = yaml.safe_load(description_loader.shipped("floor", "startup", "qemu").read_text())
    control = {"program": str(program), "environment": {"WHERE": "at ${address}"}}
    control |= {"set": ["${name}=${value}"], "read": ["${name}"], "values": {"limit": 5}}
    described |= {"make": None, "kernel": floor.reference["kernel"], "control": control}
    file.write_text(yaml.safe_dump(described))
    good, said = checked(file)
    assert good
    address = addresses_in(guests.placement.guest_subnet).guest
    assert f"limit: at {address} limit, though 5 was asked for" in said


def test_a_check_reports_the_events_that_did_not_happen(guests, checked, kernel_of):
    file = guests.folder / "http.yaml"
    file.write_text(f"kernel: {kernel_of(DIES)}\n")
    good, said = checked(file, service="http", within_s=2)
    assert not good
    assert "not good: not observed: a reply of http" in said
    assert "the guest is dead" in said


def test_a_check_reports_missing_requirements(guests, checked):
    file = guests.folder / "kv.yaml"
    file.write_text("boot: disk\ndisks: [{format: raw}]\n")
    good, said = checked(file, service="kv")
    assert not good
    assert "`disks.0.path`" in said


# --- leftovers -----------------------------------------------------------------------------------

STARTED_ELSEWHERE = """
import pickle, sys
from featherbench import registry
request = pickle.load(sys.stdin.buffer)
technology = registry.platform("floor", "tcg")
technology.prepare(request)
print(technology.start(request).model_dump_json(), flush=True)
sys.stdin.close()
import signal
signal.pause()
"""


def test_a_guest_of_a_killed_job_is_found_by_its_label_and_ended(guests, floor):
    request = guests.request(floor)
    job = subprocess.Popen(
        [sys.executable, "-c", STARTED_ELSEWHERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    job.stdin.write(pickle.dumps(request))
    job.stdin.close()
    assert job.stdout.readline()
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert process_runner.process_id(request.instance_id)
    (found, *_) = guests.leftovers()
    assert (found.kind, found.name) == ("unikernel", request.instance_id)
    for leftover in guests.leftovers():
        registry.load("hypervisors", "tcg").remove(leftover)
    assert process_runner.process_id(request.instance_id) is None
    assert not iproute.exists(tap.name_of(request.instance_id))
    assert str(guests.placement.state) not in bridge.owners().values()
    assert guests.leftovers() == []


def test_a_guest_of_another_testbed_is_not_touched(guests, floor):
    instance = guests.start(floor)
    others = replace(guests.placement, state=guests.folder / "other")
    assert [each.state for each in guests.leftovers() if each.kind == "unikernel"] == [
        str(guests.placement.state)
    ]
    assert str(others.state) not in {each.state for each in guests.leftovers()}
    guests.technology.stop(instance)
