# SPDX-License-Identifier: Apache-2.0
"""The paper's data go through tables, figures and report without a testbed."""

import pandas as pd
import pytest

FIGURES = {
    *("fig3a_startup_time", "fig3b_image_size", "fig3c_network_latency"),
    *("fig4a_http_throughput_native", "fig4b_http_throughput_virtualized"),
    *("fig5a_memory_http", "fig5b_memory_kv"),
    *("fig6a_kv_throughput_native", "fig6b_kv_throughput_virtualized"),
}
TABLES = {
    *("samples.parquet", "samples.csv", "summary.csv", "anova.csv", "posthoc.csv"),
    *("claims.csv", "evidence.csv"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory, project_with):
    # A platform that nothing can run: whatever the configuration asks for is of no matter here.
    config = {"platforms": ["linux-native", "osv-kvm"], "workloads": {"startup": None}}
    project = project_with(config, folder=tmp_path_factory.mktemp("paper") / "project")
    project.output = project.snakemake("paper")
    return project


def test_every_table_and_figure_and_the_report_are_there(made):
    results = made.folder / "results/paper"
    assert {path.name for path in (results / "tables").iterdir()} == TABLES
    expected = {f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    assert {path.name for path in (results / "figures").iterdir()} == expected
    assert "featherbench: done; open results/paper/report.html" in made.output
    assert (
        "The published value, 3,921, is that of unweighted means"
        in (results / "report.html").read_text()
    )


def test_the_published_f_is_in_the_table(made):
    table = pd.read_csv(made.folder / "results/paper/tables/anova.csv")
    f_values = table[table["effect"] == "platform"].set_index(["metric", "test"])["F"]
    assert round(f_values["kv_get_throughput", "two-way ANOVA"]) == 4099
    assert round(f_values["http_throughput", "two-way ANOVA of unweighted means"]) == 3921


def test_nothing_was_measured_and_no_testbed_was_taken(made):
    assert {path.name for path in (made.folder / "results").iterdir()} == {"paper", "logs"}
    assert not made.state.exists()


def test_it_is_made_once_and_a_missing_table_again(made):
    assert "Nothing to be done" in made.snakemake("paper")
    claims = "results/paper/tables/claims.csv"
    gone = made.folder / claims
    before = gone.read_bytes()
    gone.unlink()
    made.snakemake(claims)
    assert gone.read_bytes() == before
