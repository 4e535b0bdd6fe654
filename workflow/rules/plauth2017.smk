# SPDX-License-Identifier: Apache-2.0
# The paper's tables, figures and claims from its published data. Nothing is measured: no
# job takes the testbed, and none needs root or a daemon.

from featherbench.plauth2017.figures import PAPERS_ENTRIES

PAPER_TABLES = [
    f"results/paper/tables/{name}"
    for name in (
        "samples.parquet",
        "samples.csv",
        "summary.csv",
        "anova.csv",
        "posthoc.csv",
        "claims.csv",
        "evidence.csv",
    )
]
PAPER_FIGURES = [
    f"results/paper/figures/{entry.name}.{kind}"
    for entry in PAPERS_ENTRIES
    for kind in ("svg", "png")
]


localrules:
    paper,
    paper_tables,
    paper_figures,
    paper_report,


rule paper:
    input:
        tables=PAPER_TABLES,
        figures=PAPER_FIGURES,
        report="results/paper/report.html",


rule paper_tables:
    output:
        PAPER_TABLES,
    log:
        "results/logs/paper_tables.log",
    resources:
        testbed=1,
    params:
        published=folder_digest(RESOURCES / "plauth2017"),
        code=code_digest("paper_tables"),
    shell:
        '$PYTHON "$SCRIPTS/paper_tables.py" --published "$SCRIPTS/../resources/plauth2017"'
        " --tables-dir results/paper/tables --log {log} --job paper_tables"


rule paper_figures:
    input:
        samples="results/paper/tables/samples.parquet",
        summary="results/paper/tables/summary.csv",
    output:
        PAPER_FIGURES,
    log:
        "results/logs/paper_figures.log",
    resources:
        testbed=1,
    params:
        code=code_digest("paper_figures"),
    shell:
        '$PYTHON "$SCRIPTS/paper_figures.py" --samples {input.samples} --summary {input.summary}'
        " --figures-dir results/paper/figures --log {log} --job paper_figures"


rule paper_report:
    input:
        summary="results/paper/tables/summary.csv",
        anova="results/paper/tables/anova.csv",
        posthoc="results/paper/tables/posthoc.csv",
        figures=PAPER_FIGURES,
    output:
        "results/paper/report.html",
    log:
        "results/logs/paper_report.log",
    resources:
        testbed=1,
    params:
        code=code_digest("paper_report") + folder_digest(RESOURCES / "report"),
    shell:
        '$PYTHON "$SCRIPTS/paper_report.py" --summary {input.summary} --anova {input.anova}'
        " --posthoc {input.posthoc} --figures-dir results/paper/figures --output {output}"
        " --log {log} --job paper_report"
