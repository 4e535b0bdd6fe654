# SPDX-License-Identifier: Apache-2.0
"""Every table of the registry has a caption and a function that computes it."""

from featherbench.records.tables import ANALYSIS, CAPTIONS, table_file
from featherbench.statistics.tables import COMPUTE


def test_each_table_is_computed():
    assert tuple(COMPUTE) == ANALYSIS


def test_each_table_has_a_caption_of_one_sentence():
    assert all(caption.endswith(".") for caption in CAPTIONS.values())


def test_a_table_is_a_csv_file():
    assert table_file("ratios") == "results/tables/ratios.csv"
