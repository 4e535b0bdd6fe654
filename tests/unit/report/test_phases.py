# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pandas as pd
import pytest

from featherbench.report.phases import REST, phases
from featherbench.wording.metric_labels import label


def summary_of(*, whole=2.0, n=9, **parts):
    shared = {"platform": "docker-native", "sd": 0.1, "unit": "s", "n": n}
    rows = [shared | {"metric": "startup_time", "mean": whole}]
    rows += [
        shared | {"metric": f"startup_phase_{name}", "mean": mean, "n": seen}
        for name, (mean, seen) in parts.items()
    ]
    return pd.DataFrame(rows)


def shares_of(summary):
    (table,) = phases(summary)
    headings = [column.heading for column in table.columns]
    where = headings.index("phase"), headings.index("share of the start")
    return {row[where[0]]: row[where[1]] for row in table.rows}


def test_phases_and_their_rest_make_up_the_start():
    found = shares_of(summary_of(create=(0.5, 9), start=(1.0, 9)))
    assert found == {"create": "25 %", "start": "50 %", REST: "25 %"}


def test_where_steps_end_after_the_packet_there_is_no_rest():
    assert shares_of(summary_of(create=(0.5, 9), start=(1.9, 9))) == {
        "create": "25 %",
        "start": "95 %",
    }


def test_where_not_every_start_told_its_phases_the_rest_is_not_known():
    assert set(shares_of(summary_of(create=(0.5, 8)))) == {"create"}


@pytest.mark.parametrize(
    "summary", [pd.DataFrame(), summary_of(), summary_of(create=(0.5, 0)).assign(n=0)]
)
def test_without_phases_there_is_no_table(summary):
    assert phases(summary) == ()


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("memory_http_load", "memory of http under load"),
        ("memory_kv_minimum", "minimum memory that suffices for kv"),
        ("memory_kv_hypervisor", "memory of the hypervisor, with the minimum for kv"),
        ("memory_http_reference_throughput", "throughput of http with reference memory"),
        ("memory_http_load_anonymous", "memory http load anonymous"),
    ],
)
def test_metrics_of_memory_have_names(metric, name):
    assert label(metric) == name
