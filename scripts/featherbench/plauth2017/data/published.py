# SPDX-License-Identifier: Apache-2.0
"""The paper's published values, as tables with the columns of our own.

Plauth, Feinbube, Polze: A Performance Survey of Lightweight Virtualization Techniques, ESOCC 2017,
DOI 10.1007/978-3-319-67262-5_3. Startup and latency are published as single values, sizes and
memory as one value each: these are samples. Throughput is published as mean, SD and n: only the
summary has it. A repetition stands for a deployment with one window; as in the paper, repetitions
are treated as independent. Published results of tests are compared with those computed here.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from featherbench.errors import FeatherbenchError
from featherbench.plauth2017.data.experiment import (
    EXPERIMENT,
    METRICS,
    NETWORK,
    PLATFORMS,
    PublishedMetric,
)
from featherbench.statistics.conventions import UNWEIGHTED_TESTS
from featherbench.statistics.data.table_io import read_csv
from featherbench.statistics.diagnostics.screening import screen, stalled
from featherbench.statistics.summary import COLUMNS, half_width, summarize

PUBLISHED_F = (("http_throughput", 9, 2970, 3921), ("kv_get_throughput", 7, 7920, 4099))
"""Metric, degrees of freedom, F. The paper gives p < 0.0001 for both."""
REPLICATE = "repetition"

REPEATED = "published as mean and SD: interval over repetitions, treated as independent"
SUSPECT = "suspect: "
SINGLE = "one published value: no interval"
MEAN = "mean_requests_per_second"
"""The column of metrics that are published as mean, SD and n."""
ALL_OK = {"verdict": "ok", "reasons": ""}


def read_samples(folder: Path) -> pd.DataFrame:
    """Read the single values into tidy samples, screened like our own.

    The columns are those of `statistics.data.samples.DTYPES` that published values can fill.
    """
    parts = [_tidy(one, _read(one, folder)) for one in EXPERIMENT.metrics if one.column != MEAN]
    return screen(pd.concat(parts, ignore_index=True), METRICS)


def read_summary(folder: Path) -> pd.DataFrame:
    """Read all values into a summary with the columns of `statistics.summary.COLUMNS`."""
    parts = [_summarized(_read(one, folder)) for one in EXPERIMENT.metrics if one.column == MEAN]
    parts.append(summarize(read_samples(folder)))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(ci_note=table["ci_note"].mask(table["n"] == 1, SINGLE))


def _read(source: PublishedMetric, folder: Path) -> pd.DataFrame:
    """Read one file; add the names of platforms, in order, and the columns that are constant."""
    table = read_csv(folder / source.file).rename(
        columns={"host": "hypervisor", "concurrency": "level"}
    )
    names = table["technology"] + "-" + table["hypervisor"]
    if unknown := sorted(set(names) - set(PLATFORMS)):
        raise FeatherbenchError(
            f"{source.file} has a platform that the paper does not have: {unknown[0]}",
            remedy="restore resources/plauth2017: published data never change",
        )
    named = table.assign(
        platform=names,
        network=NETWORK,
        workload=source.workload,
        metric=source.metric.name,
        unit=source.metric.unit,
        primary=True,
    )
    return named.sort_values(
        "platform", key=lambda names: names.map(list(PLATFORMS).index), kind="stable"
    )


def _tidy(source: PublishedMetric, table: pd.DataFrame) -> pd.DataFrame:
    repetition = table.get("repetition", 1)
    tidy = table.assign(
        level=1, deployment=repetition, window=1, value=table[source.column], **ALL_OK
    )
    return tidy.drop(columns=[source.column, "repetition"], errors="ignore")


def _summarized(table: pd.DataFrame) -> pd.DataFrame:
    """Return a published summary with all columns; the median is not known."""
    mean, sd = table[MEAN].astype(float), table["sd_requests_per_second"].astype(float)
    half = half_width(sd, table["n"])
    summary = table.assign(
        deployments=table["n"], mean=mean, sd=sd, median=float("nan"),
        ci_low=mean - half, ci_high=mean + half, ci_note=REPEATED,
        n_ok=table["n"], n_suspect=0, n_invalid=0,
    )  # fmt: skip
    return _with_stalls(summary)[COLUMNS]


def _with_stalls(summary: pd.DataFrame) -> pd.DataFrame:
    """Mark the means that look like a stall; the single values are not known."""
    for rows, reason in stalled(summary.assign(value=summary["mean"], **ALL_OK), METRICS):
        summary.loc[rows, "n_suspect"] = summary.loc[rows, "n"]
        summary.loc[rows, "n_ok"] = 0
        summary.loc[rows, "ci_note"] = f"{SUSPECT}{reason}"
    return summary


def agreements(anova: pd.DataFrame, summary: pd.DataFrame) -> list[dict[str, Any]]:
    """Compare every published F for the platforms with those by least squares and unweighted means.

    `unweighted` is None if n is equal everywhere, so that both are the same. `agrees_by` is the
    analysis that gives the published F after rounding; empty if none does. `few` are the platforms
    with the fewest repetitions, `few_n`; others have up to `many_n`. `few_ratio` is their mean
    divided by the mean of the others, and `common_n` the harmonic mean of n.
    """
    return [
        _agreement(published, anova, summary[summary["metric"] == published[0]])
        for published in PUBLISHED_F
    ]


def _agreement(
    published: tuple[str, int, int, int], anova: pd.DataFrame, cells: pd.DataFrame
) -> dict[str, Any]:
    metric, df, df_resid, value = published
    rows = anova[(anova["metric"] == metric) & (anova["effect"] == "platform")]
    is_unweighted = rows["test"].isin(UNWEIGHTED_TESTS)
    is_few = cells["n"] == cells["n"].min()
    unequal = not is_few.all()
    others = cells[~is_few] if unequal else cells
    least_squares = float(rows.loc[~is_unweighted, "F"].iloc[0])
    unweighted = float(rows.loc[is_unweighted, "F"].iloc[0]) if unequal else None
    if round(least_squares) == value:
        agrees_by = "least squares" if unequal else "either analysis"
    else:
        agrees_by = "unweighted means" if unweighted and round(unweighted) == value else ""
    return {
        "metric": metric,
        "df": df,
        "df_resid": df_resid,
        "published": value,
        "least_squares": least_squares,
        "unweighted": unweighted,
        "agrees_by": agrees_by,
        "few": cells.loc[is_few, "platform"].unique(),
        "few_n": cells["n"].min(),
        "many_n": cells["n"].max(),
        "few_ratio": cells.loc[is_few, "mean"].mean() / others["mean"].mean(),
        "common_n": len(cells) / (1 / cells["n"]).sum(),
    }
