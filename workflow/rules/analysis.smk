# SPDX-License-Identifier: Apache-2.0
# From cells to tables and figures.

from featherbench.figures.catalogue import figures_for
from featherbench.records import tables
from featherbench.records.tables import table_file

QUANTILES = "results/tables/latency_quantiles.csv"
SAMPLES = ["results/tables/samples.parquet", "results/tables/samples.csv", QUANTILES]
ANALYSIS_TABLES = list(map(table_file, tables.ANALYSIS))
REPLICATION_TABLES = list(map(table_file, tables.REPLICATION))
TABLES = [*SAMPLES, *ANALYSIS_TABLES, *REPLICATION_TABLES]
FIGURES = [
    f"results/figures/{name}.{kind}" for name in figures_for(PLAN) for kind in ("svg", "png")
]


localrules:
    plan,
    aggregate,
    analyze,
    paper_comparison,
    plot,


rule plan:
    output:
        "results/plan.json",
    log:
        "results/logs/plan.log",
    priority: BUILD_FIRST
    resources:
        testbed=1,
    params:
        # A function: in a plain string Snakemake would take a user's ${address} for a wildcard.
        spec=lambda wildcards: spec_param("plan", PLAN),
    shell:
        '$PYTHON "$SCRIPTS/plan.py" --spec {params.spec:file} --output {output}'
        " --log {log} --job plan"


rule aggregate:
    input:
        REQUESTED_CELLS,
        LOOKS,
        plan="results/plan.json",
    output:
        parquet="results/tables/samples.parquet",
        csv="results/tables/samples.csv",
        quantiles=QUANTILES,
    log:
        "results/logs/aggregate.log",
    resources:
        testbed=1,
    params:
        code=code_digest("aggregate"),
    shell:
        '$PYTHON "$SCRIPTS/aggregate.py" --plan {input.plan} --cells results/cells'
        " --stopping results/stopping --parquet {output.parquet} --csv {output.csv}"
        " --quantiles {output.quantiles} --log {log} --job aggregate"


rule analyze:
    input:
        plan="results/plan.json",
        samples="results/tables/samples.parquet",
    output:
        ANALYSIS_TABLES,
    log:
        "results/logs/analyze.log",
    resources:
        testbed=1,
    params:
        code=code_digest("analyze"),
    shell:
        '$PYTHON "$SCRIPTS/analyze.py" --plan {input.plan} --samples {input.samples}'
        " --tables-dir results/tables --log {log} --job analyze"


rule paper_comparison:
    input:
        plan="results/plan.json",
        machine="results/machine.json",
        samples="results/tables/samples.parquet",
        summary="results/tables/summary.csv",
        ratios="results/tables/ratios.csv",
    output:
        REPLICATION_TABLES,
    log:
        "results/logs/paper_comparison.log",
    resources:
        testbed=1,
    params:
        published=folder_digest(RESOURCES / "plauth2017"),
        code=code_digest("paper_comparison"),
    shell:
        '$PYTHON "$SCRIPTS/paper_comparison.py" --plan {input.plan} --machine {input.machine}'
        " --samples {input.samples} --summary {input.summary} --ratios {input.ratios}"
        ' --published "$SCRIPTS/../resources/plauth2017" --tables-dir results/tables'
        " --log {log} --job paper_comparison"


rule plot:
    input:
        plan="results/plan.json",
        samples="results/tables/samples.parquet",
        summary="results/tables/summary.csv",
        ratios="results/tables/ratios.csv",
        quantiles=QUANTILES,
    output:
        FIGURES,
    log:
        "results/logs/plot.log",
    resources:
        testbed=1,
    params:
        code=code_digest("plot"),
    shell:
        '$PYTHON "$SCRIPTS/plot.py" --plan {input.plan} --samples {input.samples}'
        " --summary {input.summary} --ratios {input.ratios} --quantiles {input.quantiles}"
        " --figures-dir results/figures --log {log} --job plot"
