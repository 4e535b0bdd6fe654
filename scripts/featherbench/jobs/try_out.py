# SPDX-License-Identifier: Apache-2.0
"""Tries platforms out before a run: what cannot work is known in seconds, and not cell by cell.

Each platform starts an image of one static program as it would a server: on the testbed's network,
with its limits and in its folders. The client connects to it, and it reports to this machine. What
is refused is missing. What worked is not tried again on the same machine; what did not is, in the
next run.
"""

import contextlib
import io
import os
import resource as limits
import shutil
import socket
import tarfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from featherbench.contracts.technology import (
    LISTEN_ADDRESS,
    BuildRequest,
    RootArchive,
    StartRequest,
    Technology,
)
from featherbench.errors import (
    DeadlineError,
    FeatherbenchError,
    InstanceError,
    TestbedBusyError,
    TestbedError,
    error_of_system,
)
from featherbench.files import canonical_json, digest, file_digest
from featherbench.paths import resource
from featherbench.planning.resolve import ResolvedConfig, ResolvedPlatform
from featherbench.records.instance import Instance
from featherbench.records.job_specs import TestbedSpec
from featherbench.records.requirement import MissingRequirement, TriedPlatform, TryOuts
from featherbench.rootfs.base import compile_program
from featherbench.services import launcher
from featherbench.system import firewall, procfs
from featherbench.system.fingerprint import fingerprint
from featherbench.system.polling import wait_until
from featherbench.testbed.reservation import WORKFLOW_VARIABLE
from featherbench.testbed.session import Testbed, session

ROOT, RESULTS = Path("/"), Path("results")
FILE, FOLDER = RESULTS / "tried.json", RESULTS / "tried"
SERVICE, PROGRAM, WORD = "try-out", "/usr/bin/featherbench-try", b"tried"
PROGRAMS = (PROGRAM, "/usr/bin/setpriv", "/sbin/init")
FOLDERS = ("dev", "etc", "proc", "run", "sbin", "sys", "tmp", "usr", "usr/bin", "var")
NULL_DEVICE = (1, 3)
WAIT_S = 2.0
"""For the testbed: while another workflow measures, nothing is tried."""
ANSWER_WITHIN_S, ATTEMPT_S, REPORT_WITHIN_S = 3.0, 1.0, 1.0


def missing(
    resolved: ResolvedConfig, *, may_try: bool, show: Callable[[str], None] = lambda _: None
) -> Mapping[str, Sequence[MissingRequirement]]:
    """Return what platforms lack by the latest try-outs on this machine, by name.

    Those that have not worked yet are tried, if that is allowed now; `show` tells the user.
    """
    keys = {
        name: key(platform, resolved)
        for name, platform in resolved.platforms.items()
        if platform.driver
        and platform.driver.try_out_files is not None
        and not platform.driver.missing_requirements()
    }
    known = TryOuts.read_valid(FILE) or TryOuts(platforms={})
    tried = {n: t for n, t in known.platforms.items() if n in keys and t.key == keys[n]}
    names = [name for name in keys if name not in tried or tried[name].missing_requirements]
    if may_try and names:
        show(f"trying out {', '.join(names)}")
        os.environ[WORKFLOW_VARIABLE] = str(os.getpid())
        for name, lacking in _try(resolved, names).items():
            tried[name] = TriedPlatform(key=keys[name], missing_requirements=lacking)
        TryOuts(platforms=tried).write(FILE)
    return {name: platform.missing_requirements for name, platform in tried.items()}


def latest() -> Mapping[str, Sequence[MissingRequirement]]:
    """Return what platforms lacked by the latest run in this folder, by name."""
    tried = TryOuts.read_valid(FILE) or TryOuts(platforms={})
    return {name: platform.missing_requirements for name, platform in tried.platforms.items()}


def key(platform: ResolvedPlatform, resolved: ResolvedConfig) -> str:
    """Return a digest of all that a try-out's outcome depends on, as far as that is cheap."""
    assert platform.driver is not None, "only platforms with a driver are tried"
    files = [file for file in platform.driver.try_out_files or () if file.exists()]
    disk = next(folder for folder in (RESULTS, Path()) if folder.exists())
    facts = {
        "machine": fingerprint(),
        "boot": procfs.text(ROOT, "proc/sys/kernel/random/boot_id"),
        "rights": sorted(procfs.capabilities(ROOT)),
        "nofile": limits.getrlimit(limits.RLIMIT_NOFILE)[1],
        "disk": [disk.stat().st_dev, os.statvfs(disk).f_flag],
        "files": [[str(file), file.stat().st_ino, file.stat().st_mtime_ns] for file in files],
        "platform": platform.spec.model_dump(mode="json"),
        "testbed": resolved.config.testbed.model_dump(mode="json"),
        "tuning": resolved.config.tuning.model_dump(mode="json"),
    }
    return digest(canonical_json(facts).encode())


def _missing(error: FeatherbenchError) -> tuple[MissingRequirement, ...]:
    return (MissingRequirement(what=error.message, remedy=error.remedy),)


def _try(
    resolved: ResolvedConfig, names: Sequence[str]
) -> dict[str, tuple[MissingRequirement, ...]]:
    """Try platforms; what cannot be told now is left out."""
    outcomes: dict[str, tuple[MissingRequirement, ...]] = {}
    config = resolved.config
    spec = TestbedSpec(**config.testbed.model_dump())
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        root = _root_archive()
        sequence = FOLDER / "sequence"
        with session(
            spec, config.tuning, what="try-out", sequence_file=sequence, wait_s=WAIT_S
        ) as testbed:
            for name in names:
                with contextlib.suppress(_UnknownError):
                    outcomes[name] = _try_platform(resolved.platforms[name], testbed, root)
    except TestbedBusyError:
        return outcomes
    except FeatherbenchError as error:
        outcomes |= dict.fromkeys(names, _missing(error))
    except OSError as error:
        outcomes |= dict.fromkeys(names, _missing(error_of_system(error)))
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    return outcomes


class _UnknownError(Exception):
    """Nothing can be told: an engine that does not answer may do so when it is needed."""


def _try_platform(
    platform: ResolvedPlatform, testbed: Testbed, root: RootArchive
) -> tuple[MissingRequirement, ...]:
    driver = platform.driver
    assert driver is not None, "only platforms with a driver are tried"
    try:
        driver.facts()
    except FeatherbenchError as silent:
        raise _UnknownError from silent
    try:
        _start_and_ask(driver, platform, testbed, root)
    except FeatherbenchError as error:
        return _missing(error)
    return ()


def _root_archive() -> RootArchive:
    """Return the archive of a root file system with one static program, as all that are run."""
    program = compile_program(
        resource("try_out") / "try_out.c", FOLDER / "program", what="the program to try platforms"
    )
    tar = FOLDER / "root.tar"
    with tarfile.open(tar, "w") as archive:
        for folder in FOLDERS:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        null = tarfile.TarInfo("dev/null")
        null.type, null.mode, (null.devmajor, null.devminor) = tarfile.CHRTYPE, 0o666, NULL_DEVICE
        archive.addfile(null)
        for path in PROGRAMS:
            entry = tarfile.TarInfo(path.strip("/"))
            content = program.read_bytes()
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return RootArchive(tar=tar, digest=file_digest(tar), versions={}, compressed_bytes=0)


def _start_and_ask(
    driver: Technology, platform: ResolvedPlatform, testbed: Testbed, root: RootArchive
) -> None:
    """Raise a FeatherbenchError with what does not work."""
    assert platform.settings is not None, "a driver has checked them"
    into = FOLDER / platform.name
    into.mkdir(parents=True)
    image = driver.build_image(
        BuildRequest(
            service=SERVICE,
            into=into,
            root_filesystems=dict.fromkeys(driver.root_filesystems, root),
            files={},
            state=testbed.placement.state,
        )
    )
    try:
        with _reports(testbed.placement.callback_address) as receiver:
            address, port = receiver.getsockname()
            listen_port = launcher.PORTS["http"]
            request = StartRequest(
                instance_id=uuid.uuid4().hex[:12],
                service=SERVICE,
                image=image,
                command=(PROGRAM, LISTEN_ADDRESS, str(listen_port), address, str(port)),
                port=listen_port,
                network=platform.spec.network,
                settings=platform.settings,
                tuning=testbed.tuning,
                placement=testbed.placement.with_share(driver.subnet_share),
                log=RESULTS / f"logs/tried/{platform.name}.log",
            )
            request.log.parent.mkdir(parents=True, exist_ok=True)
            driver.prepare(request)
            instance = driver.start(request)
            try:
                driver.usage(instance)
                _exchange(driver, instance, testbed, receiver)
            finally:
                driver.stop(instance)
    finally:
        with contextlib.suppress(FeatherbenchError):
            driver.forget_image(image)


@contextlib.contextmanager
def _reports(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind((address, 0))
        receiver.settimeout(REPORT_WITHIN_S)
        yield receiver


def _exchange(
    driver: Technology, instance: Instance, testbed: Testbed, receiver: socket.socket
) -> None:
    """Connect to it from the client, and wait for its report. Raise an error that names why not."""
    endpoint = instance.endpoint
    connect = f"cat < /dev/tcp/{endpoint.address}/{endpoint.port}"

    def answered() -> bool:
        argv = ["timeout", str(ATTEMPT_S), "bash", "-c", connect]
        return WORD.decode() in testbed.client.run(argv, timeout_s=10, check=False).stdout

    try:
        wait_until(answered, what="an answer", within_s=ANSWER_WITHIN_S, every_s=0.05)
    except DeadlineError as silent:
        if not driver.is_running(instance):
            raise InstanceError(f"it ended at once: {driver.diagnosis(instance)}") from silent
        where = f"the client's packets to {endpoint.address}:{endpoint.port}"
        raise _dropped(where) from silent
    try:
        receiver.recv(len(WORD))
    except OSError as silent:
        address, port = receiver.getsockname()
        raise _dropped(f"the instance's packets to this machine ({address}:{port})") from silent


def _dropped(packets: str) -> TestbedError:
    if procfs.sysctl(ROOT, "net.ipv4.ip_forward") == "0":
        return TestbedError(
            f"{packets} are not answered: net.ipv4.ip_forward is 0",
            remedy="sysctl -w net.ipv4.ip_forward=1, and take it out of tuning.net_sysctls",
        )
    chains, remedy = firewall.who_drops()
    return TestbedError(f"{packets} are not answered: {chains}", remedy=remedy)
