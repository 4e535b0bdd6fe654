# SPDX-License-Identifier: Apache-2.0
"""The label of a tap, and its name."""

from featherbench.unikernels import tap


def test_a_tap_is_labelled():
    steps = tap.steps("abc", "tcg", "/run/featherbench", "fb-guest0")
    assert 'alias "featherbench tcg abc /run/featherbench"' in steps[1]
    assert len(tap.name_of("abc")) <= 15
    assert tap.name_of("abc") != tap.name_of("abd")
