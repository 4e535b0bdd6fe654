# SPDX-License-Identifier: Apache-2.0
"""Dots that lie under others are left out."""

import numpy as np
import pandas as pd

from featherbench.figures.theme import MOST_VECTORS
from featherbench.figures.transforms import MOST_ON_ONE, downsample

STEPS = {"x": 100, "y": 100}


def dots(x, y, **more):
    return pd.DataFrame({"x": x, "y": y, "panel": "p", "verdict": "ok"} | more)


def test_few_dots_are_all_kept():
    few = dots(np.zeros(MOST_VECTORS), 0.0)
    assert downsample(few, STEPS) is few


def test_of_many_on_one_place_as_many_as_show_are_kept_and_every_lonely_one():
    crowd = dots(np.zeros(5000), 0.0)
    lonely = dots([0.3, 0.9, 1.0], [0.2, 0.9, 1.0])
    kept = downsample(pd.concat([crowd, lonely], ignore_index=True), STEPS)
    assert len(kept) == MOST_ON_ONE + 3
    assert list(kept.index) == sorted(kept.index)
    assert {5000, 5001, 5002} <= set(kept.index)


def test_no_platform_is_preferred_for_coming_first():
    names = np.repeat(["a", "b"], 30_000)
    crowd = dots(np.tile(np.linspace(0, 1, 3000), 20), 0.0, platform=names)
    share = downsample(crowd, STEPS)["platform"].eq("a").mean()
    assert 0.4 < share < 0.6


def test_suspect_dots_and_other_panels_have_places_of_their_own():
    crowd = dots(np.zeros(3000), 0.0)
    both = pd.concat(
        [crowd, crowd.assign(verdict="suspect"), crowd.assign(panel="q")], ignore_index=True
    )
    assert len(downsample(both, STEPS)) == 3 * MOST_ON_ONE


def test_panels_have_axes_of_their_own():
    wide = dots(np.linspace(0, 1000, 3000), 0.0)
    narrow = dots(np.linspace(0, 1, 50), 0.0, panel="q")
    kept = downsample(pd.concat([wide, narrow], ignore_index=True), STEPS)
    assert (kept["panel"] == "q").sum() == 50
