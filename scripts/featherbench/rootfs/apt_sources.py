# SPDX-License-Identifier: Apache-2.0
"""Read where the machine's apt gets Debian packages from, and which packages dpkg installed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

APT = Path("/etc/apt")
DEBIAN_KEYRINGS = "debian-archive-"
ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<rest>.+)")


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
            yield from parse_one_line(file.read_text(errors="replace"))
    for file in sorted((apt / "sources.list.d").glob("*.sources")):
        yield from parse_deb822(file.read_text(errors="replace"))


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
