# SPDX-License-Identifier: Apache-2.0
"""Run mmdebstrap: it makes an archive of Debian packages, the same bytes from the same packages.

The packages come from where the machine's own apt gets them.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from featherbench.errors import (
    RESULTS_DISK,
    CommandError,
    DeadlineError,
    ErrorHint,
    ImageError,
    find_hint,
    remedy_of,
)
from featherbench.paths import resource
from featherbench.rootfs.archives import SOURCE_DATE_EPOCH
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until

APT = Path("/etc/apt")
DEBIAN_KEYRINGS = "debian-archive-"
ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<rest>.+)")
BUILD_WITHIN_S = 1_800.0
ASK_WITHIN_S = 30.0
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
MACHINE_KEYRINGS = Path("/usr/share/keyrings")

EXCLUDED_PATHS = [f"/usr/share/{folder}/*" for folder in ("doc", "man", "info", "locale")]
CLEANUP_HOOKS = (
    'rm -rf "$1"/run/* && install -d -m 1777 "$1"/run/lock "$1"/run/featherbench',
    # What the machine's mirrors and the time of the build would leave in the bytes.
    'rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*',
    'rm -rf "$1"/var/cache/apt "$1"/var/cache/debconf "$1"/var/log/*',
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One archive: its address, suite and components, and the keyring that must have signed it."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str

    def __str__(self) -> str:
        option = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {option}{self.uri} {self.suite} {' '.join(self.components)}"


def parse_one_line(text: str) -> Iterator[Source]:
    """Parse the format of `sources.list`; see sources.list(5)."""
    for line in text.splitlines():
        if match := ONE_LINE.fullmatch(line.partition("#")[0].strip()):
            pairs = (option.partition("=") for option in (match["options"] or "").split())
            options = {key.lower(): value for key, _, value in pairs}
            suite, *components = match["rest"].split()
            yield Source(
                uri=match["uri"],
                suite=suite,
                components=tuple(components),
                signed_by=options.get("signed-by", ""),
            )


def parse_paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Parse Debian's `Key: value` paragraphs; see deb822(5). Keys become lower case."""
    uncommented = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for paragraph in re.split(r"\n[ \t]*\n", uncommented):
        unfolded = re.sub(r"\n[ \t]+", " ", paragraph)
        pairs = (line.partition(":") for line in unfolded.splitlines() if ":" in line)
        if fields := {key.strip().lower(): value.strip() for key, _, value in pairs}:
            yield fields


def parse_deb822(text: str) -> Iterator[Source]:
    """Parse the format of `*.sources`; see sources.list(5)."""
    for fields in parse_paragraphs(text):
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes") != "no":
            for uri in fields.get("uris", "").split():
                for suite in fields.get("suites", "").split():
                    yield Source(
                        uri=uri,
                        suite=suite,
                        components=tuple(fields.get("components", "").split()),
                        signed_by=fields.get("signed-by", ""),
                    )


def machine_sources(apt: Path = APT) -> Iterator[Source]:
    """Yield every source that the machine's apt uses."""
    for file in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))):
        if file.is_file():
            yield from parse_one_line(file.read_text(encoding="utf-8", errors="replace"))
    for file in sorted((apt / "sources.list.d").glob("*.sources")):
        yield from parse_deb822(file.read_text(encoding="utf-8", errors="replace"))


def _is_from_debian(source: Source) -> bool:
    keyring = Path(source.signed_by).name
    return "main" in source.components and (not keyring or keyring.startswith(DEBIAN_KEYRINGS))


def sources_of_suite(suite: str, sources: Iterable[Source]) -> tuple[Source, ...]:
    """Choose Debian's own sources of a release with its updates and security fixes.

    Third-party packages are left out. The result is empty when the release itself is not among
    the sources: then the machine runs another release.
    """
    suites = {suite, f"{suite}-updates", f"{suite}-security"}
    chosen = tuple(
        source for source in sources if source.suite in suites and _is_from_debian(source)
    )
    return chosen if any(source.suite == suite for source in chosen) else ()


def installed_versions(dpkg_status: str) -> Mapping[str, str]:
    """Map each installed package to its version, from the content of /var/lib/dpkg/status."""
    return {
        fields["package"]: fields["version"]
        for fields in parse_paragraphs(dpkg_status)
        if fields.get("status") == "install ok installed"
    }


class Customization(NamedTuple):
    """What goes into an archive: options of mmdebstrap, and hooks that run before the cleanup."""

    options: tuple[str, ...]
    hooks: tuple[str, ...]


def command(
    suite: str, *, tar: Path, sources: Path | None, keyrings: Path, customization: Customization
) -> list[str]:
    """Return the command that builds `tar`.

    Without a list of `sources`, mmdebstrap uses Debian's own archive, and trusts what is signed
    with a key of the folder `keyrings`.
    """
    return [
        "mmdebstrap",
        "--mode=root",
        "--format=tar",
        "--skip=cleanup/run",  # a hook empties it, and leaves a folder there
        *([] if sources else [f"--keyring={keyrings}"]),
        *customization.options,
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED_PATHS),
        *(f"--customize-hook={hook}" for hook in (*customization.hooks, *CLEANUP_HOOKS)),
        suite,
        str(tar),
        *([str(sources)] if sources else []),
    ]


def source_list(suite: str, sources: Sequence[Source], folder: Path) -> Path | None:
    """Write `sources` to a file that mmdebstrap reads; return None when there are none."""
    if not sources:
        return None
    file = folder / f"{suite}.list"
    file.write_text("".join(f"{source}\n" for source in sources), encoding="utf-8")
    return file


def collected_keyrings(folder: Path) -> Path:
    """Collect Debian's keys of the machine and of this repository in one folder below `folder`.

    Ubuntu 22.04's are older than bookworm. mmdebstrap distrusts the repository's keys when the
    machine has a keyring of Debian that is not in the folder.
    """
    keyrings = folder / "keyrings"
    keyrings.mkdir()
    packaged = resource("rootfs/base").glob("debian-*.asc")
    for keyring in (*packaged, *MACHINE_KEYRINGS.glob("debian-archive-*.gpg")):
        shutil.copyfile(keyring, keyrings / keyring.name)
    return keyrings


@contextmanager
def temporary_folder(tar: Path) -> Iterator[Path]:
    """Make an empty folder beside `tar`, removed afterwards, and before if a build left it."""
    folder = tar.parent.resolve() / f".{tar.name}.build"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_logged(argv: Sequence[str], *, log: Path, temporary: Path) -> None:
    """Run a long build; its output goes to `log` as it is written."""
    env = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH), "TMPDIR": str(temporary), **proxies()}
    # In a process namespace of its own, so that no child of `argv` outlives this process.
    namespace = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    whole = subprocesses.with_parent_death_signal([*namespace, *argv])
    process = subprocesses.start(whole, output=log, env=env)
    try:
        wait_until(
            lambda: process.poll() is not None,
            what="mmdebstrap",
            within_s=BUILD_WITHIN_S,
            every_s=0.1,
            remedy=f"see {log}; is the package mirror slow or out of reach?",
        )
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        text = log.read_text(encoding="utf-8", errors="replace")
        output = text.rpartition(f"start: {whole}\n")[2].strip()  # without our own lines
        output = output[-subprocesses.TAIL_CHARACTERS :]
        raise CommandError(argv, f"ended with status {process.returncode}", output)


HINTS = (
    ErrorHint(
        r"unable to locate package|no installation candidate",
        "name packages of that suite in root_filesystem.packages",
    ),
    ErrorHint(r"version .* was not found", "name versions of that suite, or no versions"),
    ErrorHint(
        r"NO_PUBKEY|not signed|signatures? (couldn't|could not) be verified",
        "apt-get install debian-archive-keyring, or correct `Signed-By` of apt's sources",
    ),
    ErrorHint(
        r"not valid yet|release file .*expired",
        "set this machine's clock: by it, the mirror's index is of the future or too old",
    ),
    ErrorHint(
        r"does not have a release file|404 +not found",
        "run `apt-get update`; the mirror in apt's sources does not have that suite or file",
    ),
    ErrorHint(r"hash sum mismatch|unexpected size", "run again: the mirror is being updated"),
    ErrorHint(
        r"certificate (verification|verify) failed",
        "apt-get install ca-certificates, add a proxy's own certificate, and see the clock",
    ),
    ErrorHint(
        r"\b407\b|proxy authentication",
        "write user and password into the proxy's address: http_proxy=http://USER:PASSWORD@…",
    ),
)
"""What apt says when mmdebstrap runs it."""
NETWORK_FAILED = (
    r"could not (connect|resolve)|temporary failure resolving|connection (failed|timed out)"
    r"|unable to connect|failed to fetch|network is unreachable|\b50[234]\b|from proxy"
)
DETECTOR = re.compile(r'^Acquire::http::Proxy-?Auto-?Detect "(.+)";$', re.MULTILINE | re.IGNORECASE)
PROXY = re.compile(
    r'^Acquire::(https?)::Proxy(?:::([^ ]+))? "(.*)";$', re.MULTILINE | re.IGNORECASE
)


def parse_proxies(apt_config: str) -> Mapping[str, str]:
    """Return the variables that mean what `apt-config dump` says of proxies: see apt.conf(5)."""
    found = PROXY.findall(apt_config)
    proxies = {scheme.lower(): address for scheme, host, address in found if not host and address}
    if "http" in proxies:
        proxies.setdefault("https", proxies["http"])
    direct = {host for _, host, address in found if host and address.upper() == "DIRECT"}
    variables = {
        f"{scheme}_proxy": "" if address.upper() == "DIRECT" else address
        for scheme, address in proxies.items()
    }
    return variables | ({"no_proxy": ",".join(sorted(direct))} if direct else {})


def _detected(apt_config: str) -> Mapping[str, str]:
    """Ask the program that finds apt's proxy, if one does (auto-apt-proxy, squid-deb-proxy)."""
    match = DETECTOR.search(apt_config)
    if match is None:
        return {}
    argv = [match[1], "http://deb.debian.org/debian/"]
    found = subprocesses.run(argv, timeout_s=ASK_WITHIN_S, check=False).stdout.strip()
    return {"http_proxy": found} if found.startswith("http") else {}


def proxies() -> Mapping[str, str]:
    """Return the proxies for a build: those of apt, which mmdebstrap does not read, or our own."""
    of_apt: Mapping[str, str] = {}
    with suppress(CommandError):  # no apt
        config = subprocesses.run(["apt-config", "dump"], timeout_s=ASK_WITHIN_S).stdout
        of_apt = {**_detected(config), **parse_proxies(config)}
    ours = {name: os.environ.get(name, os.environ.get(name.upper(), "")) for name in PROXIES}
    direct = filter(None, (ours["no_proxy"], of_apt.get("no_proxy")))
    return {**ours, **of_apt, "no_proxy": ",".join(direct)}


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)


def _remedy(message: str, log: Path) -> str:
    if hint := find_hint(HINTS, message):
        return hint.remedy
    if re.search(NETWORK_FAILED, message, re.IGNORECASE):
        used = sorted({proxy for name, proxy in proxies().items() if proxy and name != "no_proxy"})
        if used:
            return (
                f"check the proxy {' and '.join(map(_without_password, used))} (of http_proxy, or"
                " of apt: `apt-config dump Acquire`), and with `apt-get update` what is behind it"
            )
        return (
            "check with `apt-get update` that this machine reaches its package mirror; where that"
            " needs a proxy, set http_proxy (root's: sudo does not pass it on by itself)"
        )
    return remedy_of(
        message, place=f"{RESULTS_DISK}, which needs about 3 GB", otherwise=f"see {log}"
    )


def build(argv: Sequence[str], *, what: str, log: Path, temporary: Path) -> None:
    """Run the `command` that builds `what`. Raises ImageError, with the remedy, when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        run_logged(argv, log=log, temporary=temporary)
    except (CommandError, DeadlineError) as failure:
        raise ImageError(
            f"{what} cannot be built: {failure.message}",
            remedy=failure.remedy or _remedy(failure.message, log),
        ) from failure
