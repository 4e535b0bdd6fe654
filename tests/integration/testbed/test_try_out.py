# SPDX-License-Identifier: Apache-2.0
"""Platforms are tried before a run: what cannot work here is named in seconds, with its cause."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builders import ran
from own_engine import run_with_engine

TRY = Path(__file__).with_name("standin_try_out.py")
WITHIN_S = 30
"""A few seconds on an idle machine; a server that does not answer is given up after 120."""
OWN_NETWORK = (
    "mkdir -p /run/netns results && mount -t tmpfs tmpfs /run/netns && ip link set lo up"
    ' && {} && exec {} "$@"'
)
NOTHING = "true"
RULES = """add table inet filter
add chain inet filter input {{ type filter hook {hook} priority 0; policy {policy}; }}
{rule}"""
DROPPING = RULES.format(hook="input", policy="drop", rule="")
READ_ONLY_GROUPS = (
    "awk '$0 ~ / - cgroup/ {print $5}' /proc/self/mountinfo | xargs -n1 mount -o remount,bind,ro"
)


def tried(sandbox, platform, *before, within_s=WITHIN_S):
    """Give what each platform of a configuration lacks, and that it took seconds to find out."""
    content = json.dumps(
        {"platforms": [platform], "baseline": sandbox.baseline, "workloads": {"http": {}}}
    )
    began_s = time.monotonic()
    argv = [*before, sys.executable, str(TRY), content]
    done = ran(*argv, cwd=sandbox.folder, env=sandbox.environment, timeout=60)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began_s < within_s
    return {name: "; ".join(lacking) for name, lacking in json.loads(done.stdout).items()}


@pytest.mark.testbed
@pytest.mark.parametrize(
    ("broken", "wrapper", "words"),
    [
        (NOTHING, "", []),
        (NOTHING, "setpriv --bounding-set=-sys_resource prlimit --nofile=64:64", ["nofile", "64"]),
        ("mount -t tmpfs -o noexec none results", "", ["noexec"]),
        ("mount -t tmpfs -o nodev none results", "", ["nodev"]),
        (READ_ONLY_GROUPS, "", ["control group", "/sys/fs/cgroup"]),
        (f"echo '{DROPPING}' | nft -f -", "", ["table inet filter, chain input", "198.18.0.0/15"]),
    ],
    ids=["all is well", "no right to raise limits", "noexec", "nodev", "groups", "firewall"],
)
def test_what_breaks_a_plain_process_is_named_before_the_run(loopback, broken, wrapper, words):
    loopback.baseline = "linux-native"
    shell = ["unshare", "--net", "--mount", "sh", "-c", OWN_NETWORK.format(broken, wrapper), "sh"]
    lacking = tried(loopback, "linux-native", *shell)["linux-native"]
    assert bool(lacking) == bool(words), lacking
    assert all(word in lacking for word in words), lacking
    assert not (loopback.folder / "results/tried").exists()


def docker(sandbox, networks, **settings):
    sandbox.baseline = f"docker-native+{networks[0]}"
    platform = {"name": "docker-native", "network": networks, "settings": settings}
    return tried(sandbox, platform)


@pytest.mark.docker
def test_an_unknown_runtime_is_named_before_the_run(wired):
    (lacking,) = docker(wired, ["nat"], runtime="nosuch").values()
    assert "nosuch" in lacking
    assert "daemon.json" in lacking


@pytest.mark.docker
def test_a_firewall_that_drops_what_is_forwarded_is_named_before_the_run(wired):
    rule = "add rule inet fb_test input ip daddr 198.18.0.0/15 tcp dport 18080 drop"
    rules = RULES.format(hook="forward", policy="accept", rule=rule)
    rules = rules.replace("inet filter", "inet fb_test")
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        lacking = docker(wired, ["bridge", "host"])
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "fb_test"], check=True)
    assert "table inet fb_test" in lacking["docker-native+bridge"]
    assert not lacking["docker-native+host"]
    again = docker(wired, ["bridge", "host"])
    assert not any(again.values())


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.parametrize(
    ("settings", "prepare", "networks"),
    [
        ({"iptables": False}, "true", {}),
        ({}, "iptables -D FORWARD -j DOCKER-USER", {}),
        ({}, "sysctl -qw net.ipv4.ip_forward=0", {"nat", "bridge"}),
    ],
    ids=["no DOCKER-USER", "nothing jumps to it", "no forwarding"],
)
def test_an_engine_works_where_nothing_blocks_us_and_else_its_reason_is_told(
    loopback, tmp_path, settings, prepare, networks
):
    content = {
        "platforms": [{"name": "docker-native", "network": ["nat", "bridge", "host"]}],
        "baseline": "docker-native+nat",
        "workloads": {"http": {}},
    }
    done = run_with_engine(
        tmp_path / "engine",
        [sys.executable, str(TRY), json.dumps(content)],
        env=loopback.environment,
        timeout=120,
        prepare=prepare,
        **settings,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lacking = {name: "; ".join(lacks) for name, lacks in json.loads(done.stdout).items() if lacks}
    assert set(lacking) == {f"docker-native+{network}" for network in networks}, lacking
    assert all("ip_forward is 0" in lack for lack in lacking.values()), lacking
