# SPDX-License-Identifier: Apache-2.0
"""The rules of the firewall."""

import pytest

from builders import DATA
from featherbench.system import firewall


def test_only_featherbenchs_rules_are_parsed():
    listing = """\
-N DOCKER-USER
-A DOCKER-USER -s 198.18.0.0/15 -d 198.18.0.0/15 -m comment --comment "featherbench /a" -j ACCEPT
-A DOCKER-USER -s 10.0.0.0/8 -m comment --comment "not featherbench" -j DROP
-A DOCKER-USER -s 10.0.0.0/8 -m comment --comment featherbenchmark -j DROP
-A DOCKER-USER -j RETURN
"""
    assert list(firewall.parse_rules(listing)) == [(firewall.rule("/a"), "/a")]


LEGACY = "-P INPUT DROP\n-P FORWARD ACCEPT\n-P OUTPUT DROP\n-A ufw-x -j REJECT --reject-with icmp\n"


@pytest.mark.parametrize(
    ("made_by", "chain"),
    [
        ("docker", "table ip filter, chain FORWARD"),  # Docker 20.10, with iptables-nft
        ("ufw", "table ip filter, chain ufw-after-input"),
        ("firewalld", "table inet firewalld, chain filter_INPUT"),
    ],
)
def test_chains_that_drop_are_found(made_by, chain):
    ruleset = (DATA / f"firewall/{made_by}.nft").read_text()  # of `nft list ruleset`
    assert firewall.parse_dropping(ruleset) == [chain]
    assert firewall.parse_dropping("") == []


def test_chains_of_the_old_tables_that_drop_are_found():
    assert firewall.parse_legacy(LEGACY) == ["iptables chain INPUT", "iptables chain ufw-x"]
