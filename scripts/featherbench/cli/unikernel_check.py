# SPDX-License-Identifier: Apache-2.0
"""Boots one image once, and reports line by line what it observes: for authors of descriptions."""

from __future__ import annotations

import re
import socket
import time
import uuid
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from featherbench.contracts.technology import BuildRequest, Placement, Probe, StartRequest
from featherbench.contracts.vm_runner import addresses_in
from featherbench.errors import DeadlineError, FeatherbenchError
from featherbench.measuring.first_packet import listening, watching
from featherbench.records.tuning import Tuning
from featherbench.services import launcher, ping
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until
from featherbench.unikernels import console_hints, description_loader
from featherbench.unikernels.description_loader import DESCRIPTION, Service, UnikernelSettings
from featherbench.unikernels.technology import Unikernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from featherbench.contracts.vm_runner import VmRunner
    from featherbench.measuring.first_packet import Receiver
    from featherbench.records.image import Image
    from featherbench.records.instance import Instance

NO_TUNING = Tuning(net_sysctls={}, nofile=None)
REQUESTS = {"http": b"GET /payload HTTP/1.0\r\n\r\n", "kv": b"PING\r\n"}
ANSWERS = {"http": re.compile(rb"HTTP/1\.\d 200\b"), "kv": re.compile(rb"\+PONG")}
CONNECT_TIMEOUT_S = 0.2
ANSWER_TIMEOUT_S = 1.0
POLL_S = 0.01
ANSWER_BYTES = 4096
PACKET, NONCE, PONG = "its first packet", "the packet with its nonce", "a pong"
REPLY = "a reply of {}"
CONNECTION = "a connection accepted"


class CheckedUnikernel(Unikernel):
    """Any technology: only the description says what the image is."""

    name = "checked"
    runs_natively = True


@dataclass(frozen=True, kw_only=True)
class Check:
    """What to boot, by which runner, and how long to wait for the expected events."""

    file: Path
    service: Service
    runner: VmRunner
    folder: Path
    guest_subnet: str
    state: Path
    cpus: tuple[int, ...]
    within_s: float

    @property
    def technology(self) -> Unikernel:
        """The technology that runs it."""
        return CheckedUnikernel(runner=self.runner)

    @property
    def settings(self) -> UnikernelSettings:
        """The settings of a platform with only this image."""
        return UnikernelSettings(images={self.service: {DESCRIPTION: str(self.file)}})

    @property
    def callback_address(self) -> str:
        """The address of this machine on the guest's bridge."""
        return addresses_in(self.guest_subnet).gateway


@dataclass(kw_only=True)
class Observations:
    """The events observed so far, with their times in seconds since the start.

    `began_ns` is the start by the wall clock, by which the kernel stamps packets.
    """

    began_ns: int
    after_s: dict[str, float] = field(default_factory=dict)

    def add(self, event: str, observe: Callable[[], int | bool | None]) -> str:
        """Return a line if an event is observed for the first time; empty otherwise.

        `observe` returns its time in nanoseconds of the wall clock, or whether it is true now.
        """
        if event in self.after_s or not (observed := observe()):
            return ""
        at_ns = time.time_ns() if observed is True else observed
        self.after_s[event] = (at_ns - self.began_ns) / 1e9
        return f"{self.after_s[event]:8.3f} s  {event}"


def _request(check: Check, image: Image, probe: Probe) -> StartRequest[UnikernelSettings]:
    is_probe = check.service == "startup"
    return StartRequest(
        instance_id=f"check{uuid.uuid4().hex[:8]}",
        service=check.service,
        image=image,
        command=(),
        port=None if is_probe else launcher.PORTS[check.service],
        probe=probe if is_probe else None,
        network=check.technology.networks[0],
        settings=check.settings,
        tuning=NO_TUNING,
        placement=Placement(
            hypervisor=check.runner.name,
            address=check.callback_address,
            callback_address=check.callback_address,
            cpus=check.cpus,
            container_subnet="",
            state=check.state,
            guest_subnet=check.guest_subnet,
        ),
        log=check.folder / "console.log",
    )


def _answers_ping(address: str) -> bool:
    argv = ping.command(address, count=1, interval_ms=ping.SHORTEST_INTERVAL_MS)
    return bool(ping.REPLY.search(subprocesses.run(argv, timeout_s=10, check=False).stdout))


def _answer_of(instance: Instance) -> bytes | None:
    """Return what its service answers; None while it accepts no connections."""
    address = (instance.endpoint.address, instance.endpoint.port)
    try:
        with socket.create_connection(address, timeout=CONNECT_TIMEOUT_S) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.sendall(REQUESTS[instance.service])
            with suppress(OSError):
                return connection.recv(ANSWER_BYTES)
            return b""
    except OSError:
        return None


def _observe(
    instance: Instance, seen: Observations, udp: Receiver, frames: Receiver
) -> Iterator[str]:
    """Check for every event once; yield a line for each that is new, or an empty one."""
    address, service = instance.endpoint.ping_address, instance.service
    yield seen.add(PACKET, frames.stamp_ns)
    if service == "startup":
        yield seen.add(NONCE, udp.stamp_ns)
    yield seen.add(PONG, lambda: _answers_ping(address))
    if service in ANSWERS:
        answer = _answer_of(instance)
        yield seen.add(CONNECTION, lambda: answer is not None)
        yield seen.add(REPLY.format(service), lambda: bool(ANSWERS[service].match(answer or b"")))


def _required_events(service: Service, *, answers_pings: bool, has_probe: bool) -> set[str]:
    if service != "startup":
        return {REPLY.format(service)}
    return {NONCE if has_probe else PACKET} | ({PONG} if answers_pings else set())


def _facts(image: Image) -> Iterator[str]:
    for path, digest in image.reference["digests"].items():
        yield f"boots from {path}, sha256 {digest}"
    size = image.size
    yield f"{size.allocated_bytes} bytes on disk, {size.compressed_bytes} compressed"
    for name, value in image.versions.items():
        if not name.startswith("sha256"):
            yield f"{name}: {value}"


def run(check: Check, write: Callable[[str], None]) -> bool:
    """Boot the image, and `write` what is observed; return whether it can be measured.

    Raise ConfigError, ImageError, InstanceError. The caller holds the testbed.
    """
    description = description_loader.read(check.file)
    for requirement in (
        *check.technology.missing_requirements(),
        *check.technology.available_images(check.settings)[check.service],
    ):
        write(f"missing: {requirement.what}\n    remedy: {requirement.remedy}")
        return False
    image = check.technology.build_image(
        BuildRequest(
            service=check.service,
            into=check.folder,
            root_filesystems={},
            files={},
            state=check.state,
            build_inputs=check.technology.build_inputs(check.service, check.settings),
        )
    )
    for line in _facts(image):
        write(line)
    required = _required_events(
        check.service,
        answers_pings=description.answers_pings,
        has_probe=check.technology.has_probe(image),
    )
    is_good = _boot(check, image, required, write)
    write(
        "good: it can be measured"
        if is_good
        else f"not good: not observed: {', '.join(sorted(required))}"
    )
    return is_good


def _boot(check: Check, image: Image, required: set[str], write: Callable[[str], None]) -> bool:
    """Start it, observe it until all required events have happened, and stop it."""
    technology, nonce = check.technology, uuid.uuid4().hex
    with ExitStack() as stack:
        probe = Probe(address=check.callback_address, port=0, nonce=nonce)
        technology.prepare(_request(check, image, probe))
        udp = stack.enter_context(listening(check.callback_address, nonce))
        probe = Probe(address=check.callback_address, port=udp.port, nonce=nonce)
        request = _request(check, image, probe)
        frame = technology.first_frame(request)
        frames = stack.enter_context(watching(frame.interface, frame.mac))
        seen = Observations(began_ns=time.time_ns())
        instance = technology.start(request)
        stack.callback(technology.stop, instance)

        def is_over() -> bool:
            for line in filter(None, _observe(instance, seen, udp, frames)):
                write(line)
            return required <= seen.after_s.keys() or not technology.is_running(instance)

        with suppress(DeadlineError):
            wait_until(is_over, what="the guest", within_s=check.within_s, every_s=POLL_S)
        if is_good := required <= seen.after_s.keys():
            for name, value in technology.apply_runtime_settings(instance).items():
                write(f"{name}: {value}")
        _report_state(check, instance, write)
        return is_good


def _report_state(check: Check, instance: Instance, write: Callable[[str], None]) -> None:
    console = description_loader.read(check.file).console
    if console.success:
        output = console_hints.text_of(check.folder / "console.log")
        seen = "seen" if console_hints.has_succeeded(console, output) else "NOT seen"
        write(f"the console's sign of success, {console.success!r}: {seen}")
    with suppress(FeatherbenchError):
        usage = check.technology.usage(instance)
        if usage.memory_current_bytes is not None:
            write(f"its process holds {usage.memory_current_bytes >> 20} MiB")
    write(check.technology.diagnosis(instance))
