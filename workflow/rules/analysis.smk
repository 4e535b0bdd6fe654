# SPDX-License-Identifier: Apache-2.0
# From cells to tables and figures.
#
# After a failed run the report is made from what there is (see hooks.smk): then the cells
# that are there are the inputs.

from featherbench.figures.catalogue import figures_for

PARTIAL = "FEATHERBENCH_PARTIAL" in os.environ
TABLES = [
    "results/tables/samples.parquet",
    "results/tables/samples.csv",
    "results/tables/summary.csv",
    "results/tables/anova.csv",
    "results/tables/posthoc.csv",
]
FIGURES = [
    f"results/figures/{name}.{kind}" for name in figures_for(PLAN) for kind in ("svg", "png")
]


localrules:
    plan,
    aggregate,
    analyze,
    plot,


rule plan:
    output:
        "results/plan.json",
    log:
        "results/logs/plan.log",
    priority: BUILD_FIRST
    params:
        plan=spec_json(PLAN),
    shell:
        'python "$SCRIPTS/plan.py" --plan {params.plan:q} --output {output} --log {log} --job plan'


rule aggregate:
    input:
        plan="results/plan.json",
        cells=measured_cells,
    output:
        parquet="results/tables/samples.parquet",
        csv="results/tables/samples.csv",
    log:
        "results/logs/aggregate.log",
    params:
        code=code_digest("aggregate"),
    shell:
        'python "$SCRIPTS/aggregate.py" --plan {input.plan} --cells results/cells'
        " --parquet {output.parquet} --csv {output.csv} --log {log} --job aggregate"


rule analyze:
    input:
        plan="results/plan.json",
        samples="results/tables/samples.parquet",
    output:
        summary="results/tables/summary.csv",
        anova="results/tables/anova.csv",
        posthoc="results/tables/posthoc.csv",
    log:
        "results/logs/analyze.log",
    params:
        code=code_digest("analyze"),
    shell:
        'python "$SCRIPTS/analyze.py" --samples {input.samples} --summary {output.summary}'
        " --anova {output.anova} --posthoc {output.posthoc} --log {log} --job analyze"


rule plot:
    input:
        plan="results/plan.json",
        samples="results/tables/samples.parquet",
        summary="results/tables/summary.csv",
    output:
        FIGURES,
    log:
        "results/logs/plot.log",
    params:
        code=code_digest("plot"),
    shell:
        'python "$SCRIPTS/plot.py" --plan {input.plan} --samples {input.samples}'
        " --summary {input.summary} --figures-dir results/figures --log {log} --job plot"
