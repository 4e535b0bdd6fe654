# SPDX-License-Identifier: Apache-2.0
"""Network interfaces, addresses and routes of this machine, by the program `ip`; see ip(8).

`namespace` names a network namespace (ip-netns(8)); empty is the one of this process.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

from featherbench.errors import CommandError, ErrorHint, find_hint
from featherbench.ownership import BENCHMARKING_NETWORK, LABEL
from featherbench.system import subprocesses

INTERFACES = Path("/sys/class/net")
IPV6 = Path("/proc/sys/net/ipv6")
TIMEOUT_S = 10.0


HINTS = (
    ErrorHint(
        r"operation not permitted",
        "run as root; a container needs CAP_NET_ADMIN and CAP_SYS_ADMIN, as a privileged one has",
    ),
    ErrorHint(
        r"unknown device type|not supported",
        "have the kernel's modules loaded: `modprobe -a veth bridge tun`",
    ),
    ErrorHint(
        r"file exists|already (exists|assigned)",
        "run `python -m featherbench clean`, and see `ip address` and `ip netns` for that name",
    ),
    ErrorHint(
        r"cannot find device|no such device|does not exist",
        "see whether a network manager takes over interfaces named fb-*",
    ),
)
"""What the messages of `ip` and of the kernel mean."""


def ip(
    *arguments: str, namespace: str = "", check: bool = True, stdin: str | None = None
) -> subprocesses.Completed:
    """Run `ip` to its end. Raises CommandError with the remedy of its cause."""
    argv = ["ip", *(["-n", namespace] if namespace else []), *arguments]
    try:
        return subprocesses.run(argv, timeout_s=TIMEOUT_S, check=check, stdin=stdin)
    except CommandError as refused:
        if hint := find_hint(HINTS, refused.message):
            refused.remedy = hint.remedy
        raise


def batch(steps: Sequence[str], *, namespace: str = "") -> None:
    """Run several commands of `ip`. Raises CommandError at the first that fails."""
    ip("-batch", "-", namespace=namespace, stdin="".join(f"{step}\n" for step in steps))


def query(*arguments: str, namespace: str = "") -> list[dict[str, Any]]:
    """Return the answer of `ip -json`; empty where there is nothing to show."""
    done = ip("-json", *arguments, namespace=namespace, check=False)
    if done.exit_status != 0 or not done.stdout.strip():
        return []
    return [entry for entry in json.loads(done.stdout) if entry]  # {}: filtered out by iproute2


def addresses(*arguments: str, namespace: str = "") -> dict[str, list[IPv4Interface]]:
    """Map interfaces to their IPv4 addresses; `arguments` choose among them."""
    return {
        link["ifname"]: [
            IPv4Interface(f"{address['local']}/{address['prefixlen']}")
            for address in link.get("addr_info", ())
        ]
        for link in query("-4", "address", "show", *arguments, namespace=namespace)
    }


def own_routes(protocol: int, *, namespace: str = "") -> list[dict[str, Any]]:
    """Return the routes with a protocol number of ours, and to addresses of ours.

    Others may use the number: nobody has registered it.
    """
    routes = query("-4", "route", "show", "proto", str(protocol), namespace=namespace)
    return [route for route in routes if _is_of_testbeds(route["dst"])]


def _is_of_testbeds(destination: str) -> bool:
    return destination != "default" and IPv4Network(destination).subnet_of(BENCHMARKING_NETWORK)


def delete_route(route: dict[str, Any], protocol: int) -> None:
    """Delete a route of this machine, as `query` shows it; no error if it is gone already.

    Raises CommandError if it stays.
    """
    kind, destination = route.get("type", "unicast"), route["dst"]
    via = ["via", route["gateway"]] if "gateway" in route else []
    device = ["dev", route["dev"]] if "dev" in route else []
    metric = ["metric", str(route["metric"])] if "metric" in route else []
    words = [kind, destination, *via, *device, *metric, "proto", str(protocol)]
    done = ip("route", "delete", *words, check=False)
    if done.exit_status != 0 and any(
        (other["dst"], other.get("metric")) == (destination, route.get("metric"))
        for other in own_routes(protocol)
    ):
        raise CommandError(done.argv, "did not delete the route", done.tail)


def exists(interface: str) -> bool:
    """Whether an interface exists."""
    return (INTERFACES / interface).exists()


def delete(interface: str) -> None:
    """Delete an interface; no error when it is gone already."""
    if exists(interface):
        ip("link", "delete", interface, check=False)


def without_ipv6_address(interface: str) -> list[str]:
    """Return the step of a batch that keeps an interface from giving itself an address of IPv6.

    A kernel without IPv6 (`ipv6.disable=1`) refuses it, and gives none.
    """
    return [f"link set {interface} addrgenmode none"] if IPV6.exists() else []


def alias_step(interface: str, *words: str) -> str:
    """Return the step of a batch that labels an interface as ours, with words for `labelled`."""
    return f'link set {interface} alias "{" ".join([LABEL, *words])}"'


def labelled(pattern: str) -> dict[str, str]:
    """Map the interfaces of ours, among those that match a pattern, to what follows the label."""
    words = {}
    for path in sorted(INTERFACES.glob(pattern)):
        with suppress(OSError):  # it may vanish meanwhile
            label, _, rest = (path / "ifalias").read_text(encoding="utf-8").strip().partition(" ")
            if label == LABEL:
                words[path.name] = rest
    return words
