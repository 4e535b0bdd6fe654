# SPDX-License-Identifier: Apache-2.0
"""Sizes as windows."""

from dataclasses import replace

from builders import image, offered
from featherbench.records.instance import ImageSize
from featherbench.workloads.image_size import Workload

MIB = 1 << 20
SIZE = ImageSize(
    allocated_bytes=3 * MIB, apparent_bytes=4 * MIB, compressed_bytes=MIB, counted="all"
)


def test_each_image_is_one_window(bench_for):
    bench = replace(
        bench_for("image_size"),
        images={name: image(service=name, size=SIZE) for name in ("http", "kv")},
    )
    windows = Workload().measure(bench, offered(), 7)
    assert [(window.metric, window.value) for window in windows] == [
        ("image_size_http", 3.0),
        ("image_size_kv", 3.0),
    ]
    assert {m.metric: m.value for m in windows[0].secondary} == {
        "image_size_http_apparent": 4.0,
        "image_size_http_compressed": 1.0,
    }
