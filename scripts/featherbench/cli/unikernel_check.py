# SPDX-License-Identifier: Apache-2.0
"""Boots one image once, and reports line by line what it observes: for authors of descriptions."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from featherbench import registry
from featherbench.contracts.bench import Bench, Client
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import BuildRequest, Placement, Probe, StartRequest
from featherbench.contracts.vm_runner import VmRunner
from featherbench.errors import CommandError, DeadlineError, FeatherbenchError
from featherbench.measuring.first_packet import Receiver, listening, watching, watching_for_dhcp
from featherbench.records.cell import Coordinates
from featherbench.records.instance import Image
from featherbench.records.load_point import Axis, LoadPoint
from featherbench.records.tuning import Tuning
from featherbench.services import launcher, open_connections, ping
from featherbench.services.readiness import ANSWERS
from featherbench.system.polling import wait_until
from featherbench.unikernels import console_hints, description_loader
from featherbench.unikernels.description_loader import DESCRIPTION, Service, UnikernelSettings
from featherbench.unikernels.technology import Unikernel
from featherbench.vm import boot_report

NO_TUNING = Tuning(net_sysctls={}, nofile=None)
POLL_S = 0.01
PACKET, NONCE, PONG = "its first packet", "the packet with its nonce", "a pong"
REPLY = "a reply of {}"
DHCP = "it asks for an address by DHCP, and there is no server: give it a static one"


class CheckedUnikernel(Unikernel):
    """Any technology: only the description says what the image is."""

    name = "checked"
    runs_natively = True


@dataclass(frozen=True, kw_only=True)
class Check:
    """What to boot, by which runner, and what is expected of it within which time.

    The `client` asks for the file that `workload_settings` describe, on so many `connections`.
    """

    file: Path
    service: Service
    runner: VmRunner
    folder: Path
    client: Client
    placement: Placement
    workload_settings: DriverSettings
    connections: int
    within_s: float

    @property
    def technology(self) -> Unikernel:
        """The technology that runs it."""
        return CheckedUnikernel(runner=self.runner)

    @property
    def settings(self) -> UnikernelSettings:
        """The settings of a platform with only this image."""
        return UnikernelSettings(images={self.service: {DESCRIPTION: str(self.file)}})


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


def _bench(check: Check, image: Image) -> Bench:
    """Return what its service is asked with, from the client."""
    return Bench(
        coordinates=Coordinates(
            platform=str(check.file),
            technology=check.technology.name,
            hypervisor=check.runner.name,
            network=check.technology.networks[0],
            workload=check.service,
            deployment=1,
            load_point=LoadPoint.at(Axis.CONNECTIONS, check.connections),
        ),
        technology=check.technology,
        technology_settings=check.settings,
        settings=check.workload_settings,
        load_generators={},
        images={check.service: image},
        client=check.client,
        placement=replace(check.placement, hypervisor=check.runner.name),
        tuning=NO_TUNING,
        logs=check.folder,
    )


def _request(bench: Bench, service: Service, probe: Probe) -> StartRequest[UnikernelSettings]:
    if service in launcher.PORTS:
        return launcher.request_to_stay(bench, service)
    return bench.request(service, (), None, probe=probe)


def _answers(bench: Bench) -> bool:
    """Return whether its service answers the client now."""
    with suppress(CommandError):
        return ANSWERS[bench.under_test.service](bench)
    return False


def _observe(
    bench: Bench, seen: Observations, udp: Receiver, frames: Receiver, dhcp: Receiver
) -> Iterator[str]:
    """Check for every event once; yield a line for each that is new, or an empty one."""
    service = bench.under_test.service
    yield seen.add(PACKET, frames.stamp_ns)
    yield seen.add(DHCP, dhcp.stamp_ns)
    if service == "startup":
        yield seen.add(NONCE, udp.stamp_ns)
    yield seen.add(PONG, lambda: ping.answers(bench))
    if service in launcher.PORTS:
        yield seen.add(REPLY.format(service), lambda: _answers(bench))


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
            state=check.placement.state,
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
    missing = f"not observed: {', '.join(sorted(required))}" if required else "see above"
    write("good: it can be measured" if is_good else f"not good: {missing}")
    return is_good


def _boot(check: Check, image: Image, required: set[str], write: Callable[[str], None]) -> bool:
    """Start it, observe it until all required events have happened, try it out, and stop it.

    `required` is then what is missing.
    """
    technology, nonce = check.technology, uuid.uuid4().hex
    address, bench = check.placement.callback_address, _bench(check, image)
    with ExitStack() as stack:
        probe = Probe(address=address, port=0, nonce=nonce)
        technology.prepare(_request(bench, check.service, probe))
        udp = stack.enter_context(listening(address, nonce))
        request = _request(bench, check.service, replace(probe, port=udp.port))
        frame = technology.first_frame(request)
        frames = stack.enter_context(watching(frame.interface, frame.mac))
        dhcp = stack.enter_context(watching_for_dhcp(frame.interface))
        seen = Observations(began_ns=time.time_ns())
        instance = technology.start(request)
        stack.callback(technology.stop, instance)
        bench = bench.with_instance(instance)

        def is_over() -> bool:
            for line in filter(None, _observe(bench, seen, udp, frames, dhcp)):
                write(line)
            return required <= seen.after_s.keys() or not technology.is_running(instance)

        with suppress(DeadlineError):
            wait_until(is_over, what="the guest", within_s=check.within_s, every_s=POLL_S)
        required -= seen.after_s.keys()
        is_good = not required and _is_verified(check, bench, write)
        _report_state(check, bench, write, is_good=is_good)
        return is_good


def _is_verified(check: Check, bench: Bench, write: Callable[[str], None]) -> bool:
    """Try out what is checked before each cell is measured; return whether nothing is wrong."""
    try:
        if check.service in launcher.PORTS:
            write(registry.load("workloads", check.service).verify(bench))
        for name, value in bench.apply_runtime_settings().items():
            write(f"{name}: {value}")
        if check.service in launcher.PORTS:
            write(f"open connections: {open_connections.verify(bench, check.connections)}")
    except FeatherbenchError as error:
        write(str(error))
        return False
    return True


def _report_state(
    check: Check, bench: Bench, write: Callable[[str], None], *, is_good: bool
) -> None:
    console, file = description_loader.read(check.file).console, bench.under_test.handle["console"]
    if console.success:
        output = console_hints.text_of(Path(file))
        seen = "seen" if console_hints.has_succeeded(console, output) else "NOT seen"
        write(f"the console's sign of success, {console.success!r}: {seen}")
    with suppress(FeatherbenchError):
        usage = check.technology.usage(bench.under_test)
        if usage.memory_current_bytes is not None:
            write(f"its process holds {usage.memory_current_bytes >> 20} MiB")
    if is_good:
        write(f"last lines of its console:\n{boot_report.console_tail(Path(file))}")
    else:
        write(check.technology.diagnosis(bench.under_test))
