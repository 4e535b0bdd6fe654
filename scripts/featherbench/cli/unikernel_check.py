# SPDX-License-Identifier: Apache-2.0
"""Boots one image once, and says line by line what was seen: for whoever writes a description."""

from __future__ import annotations

import re
import socket
import time
import uuid
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from featherbench.contracts.technology import BuildRequest, Placement, Probe, StartRequest
from featherbench.errors import DeadlineError, FeatherbenchError
from featherbench.measuring.first_packet import listening, watching
from featherbench.records.tuning import Tuning
from featherbench.services import launcher, ping
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until
from featherbench.unikernels import console_hints, description_loader, vm_process
from featherbench.unikernels.settings import DESCRIPTION, Service, UnikernelSettings
from featherbench.unikernels.technology import Unikernel
from featherbench.vm.network.addresses import lay_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from featherbench.contracts.unikernel_runner import UnikernelRunner
    from featherbench.measuring.first_packet import Listener, Watcher
    from featherbench.records.image import Image
    from featherbench.records.instance import Instance

NO_TUNING = Tuning(net_sysctls={}, nofile=None)
QUESTIONS = {"http": b"GET /payload HTTP/1.0\r\n\r\n", "kv": b"PING\r\n"}
ANSWERS = {"http": re.compile(rb"HTTP/1\.\d 200\b"), "kv": re.compile(rb"\+PONG")}
CONNECTS_WITHIN_S = 0.2
ANSWERS_WITHIN_S = 1.0
LOOKS_EVERY_S = 0.01
REPLY_BYTES = 4096
LEVELS = {"packet": "its first packet", "nonce": "the packet with its nonce", "ping": "a pong"}


@dataclass(frozen=True, kw_only=True)
class Checked(Unikernel):
    """Whatever is checked: its description alone says what it is."""

    name: ClassVar[str] = "checked"
    runs_natively = True


@dataclass(frozen=True, kw_only=True)
class Check:
    """What to boot, where, and how long to wait for what it should do."""

    file: Path
    service: Service
    runner: UnikernelRunner
    folder: Path
    guest_subnet: str
    state: Path
    cpus: tuple[int, ...]
    within_s: float

    @property
    def technology(self) -> Unikernel:
        """What runs it."""
        return Checked(runner=self.runner)

    @property
    def settings(self) -> UnikernelSettings:
        """The settings of a platform with this image alone."""
        return UnikernelSettings(images={self.service: {DESCRIPTION: str(self.file)}})

    @property
    def callback_address(self) -> str:
        """Give this machine's address on the guest's bridge."""
        return lay_out(self.guest_subnet).gateway


@dataclass(kw_only=True)
class Seen:
    """What has been seen so far: when, in seconds since the start."""

    began_ns: int
    """By the wall clock, as the kernel stamps packets."""
    after_s: dict[str, float] = field(default_factory=dict)

    def look(self, what: str, there: Callable[[], int | bool | None]) -> str:
        """Give a line when something is there for the first time; empty otherwise.

        `there` tells when, in nanoseconds of the wall clock, or just that it is there now.
        """
        if what in self.after_s or not (found := there()):
            return ""
        at_ns = time.time_ns() if found is True else found
        self.after_s[what] = (at_ns - self.began_ns) / 1e9
        return f"{self.after_s[what]:8.3f} s  {what}"


def _built(check: Check) -> Image:
    build_inputs = check.technology.build_inputs(check.service, check.settings)
    request = BuildRequest(
        service=check.service,
        into=check.folder,
        root_filesystems={},
        files={},
        state=check.state,
        build_inputs=build_inputs,
    )
    return check.technology.build_image(request)


def _request(check: Check, image: Image, udp_port: int, nonce: str) -> StartRequest:
    is_probe = check.service == "startup"
    probe = Probe(address=check.callback_address, port=udp_port, nonce=nonce)
    return StartRequest(
        instance_id=f"check{uuid.uuid4().hex[:8]}",
        service=check.service,
        image=image,
        command=launcher.probe_command(probe)
        if is_probe
        else launcher.serve_command(check.service),
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


def _said_by(instance: Instance) -> bytes | None:
    """Give what its server answers; None while it takes no connections."""
    at = instance.endpoint
    try:
        with socket.create_connection((at.address, at.port), timeout=CONNECTS_WITHIN_S) as plug:
            plug.settimeout(ANSWERS_WITHIN_S)
            plug.sendall(QUESTIONS[instance.service])
            with suppress(OSError):
                return plug.recv(REPLY_BYTES)
            return b""
    except OSError:
        return None


def _looks(
    instance: Instance, seen: Seen, udp: Listener, frames: Watcher, nonce: str
) -> Iterator[str]:
    """Look at everything once; give a line for each thing that is new."""
    address = instance.endpoint.ping_address
    yield seen.look(LEVELS["packet"], lambda: frames.stamp_ns(""))
    if instance.service == "startup":
        yield seen.look(LEVELS["nonce"], lambda: udp.stamp_ns(nonce))
    yield seen.look(LEVELS["ping"], lambda: _answers_ping(address))
    if instance.service in ANSWERS:
        said = _said_by(instance)
        yield seen.look("a connection accepted", lambda: said is not None)
        yield seen.look(
            f"a reply of {instance.service}",
            lambda: bool(ANSWERS[instance.service].match(said or b"")),
        )


def _wanted(check: Check, *, answers_pings: bool, has_probe: bool) -> set[str]:
    """Name what must be seen for the image to be good for its app."""
    if check.service != "startup":
        return {f"a reply of {check.service}"}
    return {LEVELS["nonce" if has_probe else "packet"]} | (
        {LEVELS["ping"]} if answers_pings else set()
    )


def _what_is_there(image: Image) -> Iterator[str]:
    for path, digest in image.reference["digests"].items():
        yield f"boots from {path}, sha256 {digest}"
    size = image.size
    yield f"{size.allocated_bytes} bytes on disk, {size.compressed_bytes} compressed"
    for name, value in image.versions.items():
        if not name.startswith("sha256"):
            yield f"{name}: {value}"


def run(check: Check, say: Callable[[str], None]) -> bool:
    """Boot the image and tell what is seen by `say`; whether it is good for its app.

    Raises ConfigError, ImageError, InstanceError. The caller holds the testbed.
    """
    wanted = description_loader.read(check.file)
    for lack in (
        *check.technology.missing_requirements(),
        *check.technology.available_images(check.settings)[check.service],
    ):
        say(f"lacks: {lack.what}\n    remedy: {lack.remedy}")
        return False
    image = _built(check)
    for line in _what_is_there(image):
        say(line)
    has_probe = check.technology.has_probe(image)
    must_see = _wanted(check, answers_pings=wanted.answers_pings, has_probe=has_probe)
    good = _watched(check, image, must_see, say)
    say(
        "good: it can be measured"
        if good
        else "not good: " + ", ".join(sorted(must_see)) + " awaited"
    )
    return good


def _watched(check: Check, image: Image, wanted: set[str], say: Callable[[str], None]) -> bool:
    """Start it, watch it until all that is wanted was seen, and stop it."""
    technology, nonce = check.technology, uuid.uuid4().hex
    with ExitStack() as stack:
        request = _request(check, image, 0, nonce)
        technology.prepare(request)
        udp = stack.enter_context(listening(check.callback_address))
        request = _request(check, image, udp.port, nonce)
        frame = technology.first_frame(request)
        frames = stack.enter_context(watching(frame.interface, frame.mac))
        seen = Seen(began_ns=time.time_ns())
        instance = technology.start(request)
        stack.callback(technology.stop, instance)

        def over() -> bool:
            for line in filter(None, _looks(instance, seen, udp, frames, nonce)):
                say(line)
            return wanted <= seen.after_s.keys() or not technology.is_running(instance)

        with suppress(DeadlineError):
            wait_until(over, what="the guest", within_s=check.within_s, every_s=LOOKS_EVERY_S)
        if good := wanted <= seen.after_s.keys():
            for name, value in technology.apply_runtime_settings(instance).items():
                say(f"{name}: {value}")
        _tell_the_rest(check, instance, say)
        return good


def _tell_the_rest(check: Check, instance: Instance, say: Callable[[str], None]) -> None:
    signs = description_loader.read(check.file).console
    said = vm_process.said_by(Path(instance.handle["console"]))
    if signs.success:
        found = "seen" if console_hints.succeeded(signs, said) else "NOT seen"
        say(f"the console's sign of success, {signs.success!r}: {found}")
    with suppress(FeatherbenchError):
        used = check.technology.usage(instance)
        if used.memory_current_bytes is not None:
            say(f"its process holds {used.memory_current_bytes >> 20} MiB")
    say(check.technology.diagnosis(instance))
