# SPDX-License-Identifier: Apache-2.0
"""Figures by dot_plot and line_plot, their theme, and their files.

Also tests `figures/captions.py`, `figures/distribution.py`, `figures/dot_plot.py`,
`figures/latency_throughput.py`, `figures/run_order.py`, `figures/time_to_first_packet.py`.
"""

import itertools
import math
import struct
import warnings
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from featherbench.errors import FeatherbenchError
from featherbench.figures.catalogue import (
    FORMATS,
    FURTHER_FIGURES,
    PAPER_FIGURES,
    figures_for,
    specs_for,
)
from featherbench.figures.forest_plot import round_ratios
from featherbench.figures.line_plot import LevelAxis
from featherbench.figures.render import FigureData, draw, draw_reason, figure, save
from featherbench.figures.theme import DPI, LINES, TECHNOLOGIES, format_value, style
from featherbench.statistics.data.samples import per_stratum
from featherbench.statistics.data.table_io import read_csv, write_reason
from featherbench.statistics.inference.ratios import ratios
from featherbench.statistics.summary import summarize
from studies import layers

mpl.use("agg")
HTTP = next(spec for spec in PAPER_FIGURES if spec.name.startswith("fig4a"))
STARTUP = next(spec for spec in PAPER_FIGURES if spec.name.startswith("fig3a"))
SIZES = next(spec for spec in PAPER_FIGURES if spec.name.startswith("fig3b"))


def _data(study, samples, compared):
    return FigureData(plan=study.plan, samples=samples, summary=summarize(samples), ratios=compared)


def _figure(spec, study, samples):
    return figure(spec.for_plan(study.plan), _data(study, samples, None))


def _draw_all(study, folder):
    compared = per_stratum(
        lambda rows: ratios(rows, study.plan.baseline, 0.05, 1),
        study.samples,
        baseline=study.plan.baseline,
    )
    for spec in specs_for(study.plan):
        draw(spec, _data(study, study.samples, compared), folder)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["nine", "twelve"])
def test_every_figure_of_the_plan_is_drawn_in_both_formats(size, request, tmp_path):
    study = request.getfixturevalue(size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _draw_all(study, tmp_path)
    expected = {f"{name}.{kind}" for name in figures_for(study.plan) for kind in ("svg", "png")}
    assert {path.name for path in tmp_path.iterdir()} == expected
    for path in tmp_path.glob("*.png"):
        width_px, height_px = struct.unpack(">II", path.read_bytes()[16:24])
        assert width_px >= 6 * DPI
        assert height_px >= DPI


@pytest.mark.slow
def test_the_same_data_give_the_same_bytes(two, tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        for spec in (HTTP, STARTUP):
            save(_figure(spec, two, two.samples), folder, spec.name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.fixture(scope="module")
def undefined(two):
    return ratios(two.samples, two.plan.baseline, 0.05, 1).assign(ratio=np.nan)


@pytest.mark.parametrize("spec", [*PAPER_FIGURES, *FURTHER_FIGURES], ids=lambda spec: spec.name)
def test_no_valid_data_is_a_figure_that_says_so(spec, two, undefined, tmp_path):
    for samples in (two.samples.assign(verdict="invalid"), two.samples.head(0)):
        plot = figure(spec.for_plan(two.plan), _data(two, samples, undefined))
        (text,) = plot.layers
        assert "no valid data" in str(text.geom.aes_params.get("label")) + str(text._data)
    save(plot, tmp_path, "empty")


@pytest.mark.parametrize(
    ("low", "high"), [(1e-10, 10.0), (0.0, 1.0), (1e-300, 1e300), (0.5, float("inf"))]
)
@pytest.mark.parametrize("ratio", [0.9, 0.0])
def test_an_interval_of_any_width_can_be_drawn(low, high, ratio, two, tmp_path):
    (spec,) = [one for one in specs_for(two.plan) if one.name == "fig7c_startup_ratios"]
    compared = ratios(two.samples, two.plan.baseline, 0.05, 1)
    compared = compared.assign(ratio=ratio, ci_low=low, ci_high=high)
    draw(spec, _data(two, two.samples, compared), tmp_path)
    assert len(list(tmp_path.iterdir())) == len(FORMATS)
    assert all(0 < round_ < math.inf for round_ in round_ratios((low, high)))


def test_a_figure_that_cannot_be_drawn_is_one_that_says_why(two, tmp_path):
    spec, data = STARTUP.for_plan(two.plan), _data(two, two.samples, None)
    write_reason(tmp_path / "ratios.csv", "KeyError: 'x$y_z'\nagain")
    with pytest.raises(FeatherbenchError, match=r"computed: KeyError: 'x\$y_z' again") as failed:
        draw(spec, replace(data, summary=read_csv(tmp_path / "ratios.csv")), tmp_path)
    draw_reason(spec, failed.value.message, tmp_path)
    assert {path.name for path in tmp_path.glob("fig*")} == {f"{spec.name}.{k}" for k in FORMATS}


def test_suspect_points_are_hollow_and_the_others_are_not(two):
    samples = two.samples.assign(verdict="ok")
    odd = (samples["platform"] == "docker-native") & (samples["level"] == 300)
    samples["verdict"] = samples["verdict"].mask(odd, "suspect")
    hollow = layers(_figure(HTTP, two, samples), "geom_point")[1]
    assert list(zip(hollow["platform"], hollow["level"], strict=True)) == [("docker-native", 300)]


def test_invalid_windows_are_counted_in_the_legend_and_marked_on_the_axis(two):
    samples = two.samples.assign(verdict="ok")
    bad = (samples["platform"] == "docker-native") & (samples["level"] == 300)
    samples["verdict"] = samples["verdict"].mask(bad, "invalid")
    points = layers(_figure(HTTP, two, samples), "geom_point")
    assert set(points[0]["label"]) == {"linux-native", "docker-native (9 invalid)"}
    assert 300 not in set(points[0][points[0]["platform"] == "docker-native"]["level"])
    assert set(points[2]["platform"]) == {"docker-native"}


def test_a_platform_without_a_valid_window_keeps_its_row(two):
    samples = two.samples
    bad = samples["platform"] == "docker-native"
    samples = samples.assign(verdict=samples["verdict"].mask(bad, "invalid"))
    (texts,) = layers(_figure(STARTUP, two, samples), "geom_text")
    assert list(texts["text"])[1] == "no valid window (9 invalid)"


def test_bars_on_a_log_scale_stay_above_zero(two):
    here = two.samples[two.samples["metric"] == "startup_time"]
    samples = here.assign(value=here["value"] * here["deployment"] ** 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bars = pd.concat(layers(_figure(STARTUP, two, samples), "geom_segment"))
    assert (bars[["sd_low", "ci_floor"]] > 0).all(axis=None)


def test_the_services_of_an_image_are_panels(two):
    (texts,) = layers(_figure(SIZES, two, two.samples), "geom_text")
    assert list(texts["panel"].unique()) == ["http", "key-value"]


def test_panels_of_minimum_memory_have_only_guests(nine):
    (spec,) = [one for one in specs_for(nine.plan) if one.name == "fig5a_memory_http"]
    plot = _figure(spec, nine, nine.samples)
    rows = plot.data.groupby("panel", observed=True)["platform"].agg(set)
    assert rows["minimum that suffices"] == {"linux-kvm"}
    assert (
        rows["idle"]
        == rows["under load"]
        == {*("linux-native", "docker-native", "lxd-native", "docker-kvm", "lxd-kvm")}
    )
    names = [_names(panel) for panel in plot.draw().axes]
    assert sorted(map(len, names)) == [1, 5, 5]
    assert ["linux-kvm"] in names


def _names(panel):
    low, high = sorted(panel.get_ylim())
    places = zip(panel.get_yticks(), panel.get_yticklabels(), strict=True)
    return [label.get_text() for place, label in places if low <= place <= high]


@pytest.mark.slow
@pytest.mark.parametrize("windows", [1, 2])
def test_single_deployments_and_levels_and_suspect_windows_can_be_drawn(make, tmp_path, windows):
    plan = make.plan(make.TWO, levels=(100,), deployments=1, windows=windows)
    study = make.study(plan, tmp_path / "cells")
    if windows > 1:
        study.samples = study.samples.assign(verdict="suspect")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _draw_all(study, tmp_path / "figures")


def test_no_two_platforms_look_alike():
    names = [
        f"{t}-{hypervisor}{n}"
        for t in TECHNOLOGIES
        for hypervisor in LINES
        for n in ("", "+bridge", "+host")
    ]
    looks = [
        style(name, name.split("-")[0], name.split("-")[1].partition("+")[0]) for name in names
    ]
    for (a, one), (b, other) in itertools.combinations(zip(names, looks, strict=True), 2):
        assert one != other, (a, b)


@pytest.mark.parametrize("hypervisor", LINES)
def test_in_print_platforms_of_one_hypervisor_differ_by_shape(hypervisor):
    assert len({style(f"{t}-{hypervisor}", t, hypervisor).shape for t in TECHNOLOGIES}) == len(
        TECHNOLOGIES
    )


@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_in_print_hypervisors_of_one_technology_differ_by_shape_and_line(technology):
    looks = [style(f"{technology}-{hypervisor}", technology, hypervisor) for hypervisor in LINES]
    assert (
        len({look.shape for look in looks}) == len({str(look.line) for look in looks}) == len(LINES)
    )
    assert len({look.colour for look in looks}) == len(LINES)


@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_every_colour_stands_out_from_paper(technology):
    for hypervisor in LINES:
        red, green, blue = to_rgb(
            style(f"{technology}-{hypervisor}", technology, hypervisor).colour
        )
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.8


def test_a_users_technology_and_hypervisor_have_a_constant_style():
    assert style("mine-native", "mine", "native") == style("mine-native", "mine", "native")
    assert style("mine-board", "mine", "board").line not in LINES.values()


@pytest.mark.parametrize(
    ("levels", "logarithmic"),
    [((1, *range(100, 1001, 100)), False), ((1, 100), False), ((1, 10, 100, 1000), True)],
)
def test_the_axis_is_logarithmic_where_levels_would_collide(levels, logarithmic):
    assert LevelAxis(tuple(levels)).logarithmic is logarithmic


def test_places_beside_levels_are_equally_far_on_a_logarithmic_axis():
    levels = pd.Series((1, 10, 100, 1000))
    places = LevelAxis(tuple(levels)).beside(levels, pd.Series(0.4, index=levels.index))
    assert list(places / levels) == pytest.approx([10**0.12] * 4)


@pytest.mark.parametrize("levels", [(1, 10, 100, 1000), (1, 100), (7,)])
def test_what_lies_beside_a_level_is_nearer_to_it_than_to_others(levels):
    axis = LevelAxis(tuple(levels))
    for share in (-0.4, 0.4):
        places = axis.beside(pd.Series(levels), pd.Series(share, index=range(len(levels))))
        nearest = [min(levels, key=lambda level, p=place: abs(level - p)) for place in places]
        assert nearest == list(levels)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (0.00404, "0.00404"), (2.5, "2.50"), (99.96, "100"), (2256.2, "2,256")],
)
def test_numbers_are_written_for_people(value, text):
    assert format_value(value) == text
