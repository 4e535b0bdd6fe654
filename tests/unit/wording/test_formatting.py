# SPDX-License-Identifier: Apache-2.0
import math

import pytest

from featherbench.wording import formatting

SPELT = {
    formatting.number: [
        (1234567.0, "1,235,000"),
        (47612.3, "47,610"),
        (999.96, "1,000"),
        (123.456, "123.5"),
        (18.2, "18.2"),
        (100.0, "100"),
        (0.234567, "0.2346"),
        (0.00012345, "0.0001234"),
        (0.0000123, "1.230e-05"),
        (-52.128, "-52.13"),
        (0.0, "0"),
        *((nothing, "—") for nothing in (math.nan, math.inf, None)),
    ],
    formatting.p_value: [(0.00001, "< 0.0001"), (0.04321, "0.0432"), (1.0, "1"), (math.nan, "—")],
    formatting.ratio: [
        *((1.0, "1.00"), (0.7249, "0.72"), (34.12, "34.1"), (0.0312, "0.0312")),
        *((1234.5, "1,234"), (81_008_600.8, "81,010,000")),
    ],
    formatting.duration: [
        *((0.0583, "0.0583 s"), (59.0, "59 s"), (61.0, "1 min 1 s"), (7260.0, "2 h 1 min")),
    ],
    formatting.size: [
        *((0, "0 B"), (2048, "2 KiB"), (18874368, "18 MiB"), (5 << 30, "5 GiB"), (None, "—")),
    ],
}


@pytest.mark.parametrize(
    ("spell", "value", "spelt"),
    [(spell, *figure) for spell, figures in SPELT.items() for figure in figures],
)
def test_figures_are_spelt_for_people(spell, value, spelt):
    assert spell(value) == spelt


def test_a_size_never_rounds_up_to_a_whole_of_the_next_unit_unseen():
    assert formatting.size(1024**3 - 1) == "1,020 MiB"
