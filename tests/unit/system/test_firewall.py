# SPDX-License-Identifier: Apache-2.0
"""The rules of the firewall."""

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
