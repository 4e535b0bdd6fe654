# SPDX-License-Identifier: Apache-2.0
"""The rules of the firewall."""

import pytest

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


# `nft list ruleset`: what Docker 20.10 makes with iptables-nft, ufw, firewalld, and a plain policy
DOCKER = """\
table ip filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		counter packets 8 bytes 437 jump DOCKER-USER
	}

	chain DOCKER-ISOLATION-STAGE-2 {
		oifname "docker0" counter packets 0 bytes 0 drop
	}

	chain OUTPUT {
		type filter hook output priority filter; policy drop;
	}
}
"""
UFW = """\
table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy accept;
		counter packets 1 bytes 40 jump ufw-after-input
	}

	chain ufw-after-input {
		ct state invalid counter packets 0 bytes 0 drop
	}
}
"""
FIREWALLD = """\
table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state invalid drop
		reject with icmpx admin-prohibited
	}
}
"""
LEGACY = "-P INPUT DROP\n-P FORWARD ACCEPT\n-P OUTPUT DROP\n-A ufw-x -j REJECT --reject-with icmp\n"


@pytest.mark.parametrize(
    ("ruleset", "chains"),
    [
        ("", []),
        (DOCKER, ["table ip filter, chain FORWARD"]),
        (UFW, ["table ip filter, chain ufw-after-input"]),
        (FIREWALLD, ["table inet firewalld, chain filter_INPUT"]),
    ],
)
def test_chains_that_drop_are_found(ruleset, chains):
    assert firewall.parse_dropping(ruleset) == chains


def test_chains_of_the_old_tables_that_drop_are_found():
    assert firewall.parse_legacy(LEGACY) == ["iptables chain INPUT", "iptables chain ufw-x"]
