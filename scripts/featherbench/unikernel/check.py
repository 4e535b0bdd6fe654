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

from featherbench import services, shell
from featherbench.errors import DeadlineError, FeatherbenchError
from featherbench.guest.layout import lay_out
from featherbench.measuring import ping
from featherbench.measuring.first_packet import listening, watching
from featherbench.platforms.contract import BuildOrder, Place, StartOrder, Tuning
from featherbench.unikernel import console, descriptions, machine
from featherbench.unikernel.settings import DESCRIPTION, App, UnikernelSettings
from featherbench.unikernel.technology import Unikernel
from featherbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from featherbench.measuring.first_packet import Listener, Watcher
    from featherbench.record import Image, Instance
    from featherbench.unikernel.contract import Runner

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
    runs_natively: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Check:
    """What to boot, where, and how long to wait for what it should do."""

    file: Path
    app: App
    runner: Runner
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
        return UnikernelSettings(images={self.app: {DESCRIPTION: str(self.file)}})

    @property
    def home(self) -> str:
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
    recipe = check.technology.recipe(check.app, check.settings)
    order = BuildOrder(
        app=check.app,
        into=check.folder,
        roots={},
        files={},
        state=check.state,
        recipe=recipe,
    )
    return check.technology.build_image(order)


def _order(check: Check, image: Image, udp_port: int, nonce: str) -> StartOrder:
    is_probe = check.app == "startup"
    return StartOrder(
        instance_id=f"check{uuid.uuid4().hex[:8]}",
        app=check.app,
        image=image,
        command=services.probe_command(check.home, udp_port, nonce)
        if is_probe
        else services.serve_command(check.app),
        port=None if is_probe else services.PORTS[check.app],
        network=check.technology.networks[0],
        settings=check.settings,
        tuning=NO_TUNING,
        place=Place(
            host=check.runner.name,
            address=check.home,
            home=check.home,
            cpus=check.cpus,
            container_subnet="",
            state=check.state,
            guest_subnet=check.guest_subnet,
        ),
        log=check.folder / "console.log",
    )


def _answers_ping(address: str) -> bool:
    argv = ping.command(address, count=1, interval_ms=ping.SHORTEST_INTERVAL_MS)
    return bool(ping.REPLY.search(shell.run(argv, timeout_s=10, check=False).stdout))


def _said_by(instance: Instance) -> bytes | None:
    """Give what its server answers; None while it takes no connections."""
    at = instance.endpoint
    try:
        with socket.create_connection((at.address, at.port), timeout=CONNECTS_WITHIN_S) as plug:
            plug.settimeout(ANSWERS_WITHIN_S)
            plug.sendall(QUESTIONS[instance.app])
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
    if instance.app == "startup":
        yield seen.look(LEVELS["nonce"], lambda: udp.stamp_ns(nonce))
    yield seen.look(LEVELS["ping"], lambda: _answers_ping(address))
    if instance.app in ANSWERS:
        said = _said_by(instance)
        yield seen.look("a connection accepted", lambda: said is not None)
        yield seen.look(
            f"a reply of {instance.app}", lambda: bool(ANSWERS[instance.app].match(said or b""))
        )


def _wanted(check: Check, *, stays: bool, sends_nonce: bool) -> set[str]:
    """Name what must be seen for the image to be good for its app."""
    if check.app != "startup":
        return {f"a reply of {check.app}"}
    return {LEVELS["nonce" if sends_nonce else "packet"]} | ({LEVELS["ping"]} if stays else set())


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
    wanted = descriptions.read(check.file)
    for lack in (*check.technology.lacks(), *check.technology.offered(check.settings)[check.app]):
        say(f"lacks: {lack.what}\n    remedy: {lack.remedy}")
        return False
    image = _built(check)
    for line in _what_is_there(image):
        say(line)
    sends_nonce = check.technology.sends_nonce(image)
    must_see = _wanted(check, stays=wanted.stays, sends_nonce=sends_nonce)
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
        order = _order(check, image, 0, nonce)
        technology.prepare(order)
        udp = stack.enter_context(listening(check.home))
        order = _order(check, image, udp.port, nonce)
        frame = technology.first_frame(order)
        frames = stack.enter_context(watching(frame.interface, frame.mac))
        seen = Seen(began_ns=time.time_ns())
        instance = technology.start(order)
        stack.callback(technology.stop, instance)

        def over() -> bool:
            for line in filter(None, _looks(instance, seen, udp, frames, nonce)):
                say(line)
            return wanted <= seen.after_s.keys() or not technology.is_running(instance)

        with suppress(DeadlineError):
            wait_until(over, what="the guest", within_s=check.within_s, every_s=LOOKS_EVERY_S)
        if good := wanted <= seen.after_s.keys():
            for name, value in technology.tune(instance).items():
                say(f"{name}: {value}")
        _tell_the_rest(check, instance, say)
        return good


def _tell_the_rest(check: Check, instance: Instance, say: Callable[[str], None]) -> None:
    signs = descriptions.read(check.file).console
    said = machine.said_by(Path(instance.handle["console"]))
    if signs.success:
        found = "seen" if console.succeeded(signs, said) else "NOT seen"
        say(f"the console's sign of success, {signs.success!r}: {found}")
    with suppress(FeatherbenchError):
        used = check.technology.usage(instance)
        if used.memory_current_bytes is not None:
            say(f"its process holds {used.memory_current_bytes >> 20} MiB")
    say(check.technology.diagnosis(instance))
