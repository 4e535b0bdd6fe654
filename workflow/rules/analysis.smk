# SPDX-License-Identifier: Apache-2.0
# From cells to tables and figures.

from featherbench.figures.catalogue import figures_for

TABLES = [
    "results/tables/samples.parquet",
    "results/tables/samples.csv",
    "results/tables/summary.csv",
    "results/tables/anova.csv",
    "results/tables/posthoc.csv",
    "results/tables/ratios.csv",
    "results/tables/levels.csv",
    "results/tables/components.csv",
    "results/tables/checks.csv",
    "results/tables/provisioning.csv",
    "results/tables/paper_comparison.csv",
    "results/tables/paper_claims.csv",
    "results/tables/paper_setup.csv",
]
FIGURES = [
    f"results/figures/{name}.{kind}" for name in figures_for(PLAN) for kind in ("svg", "png")
]


localrules:
    plan,
    aggregate,
    analyze,
    provisioning,
    paper_comparison,
    plot,


rule plan:
    output:
        "results/plan.json",
    log:
        "results/logs/plan.log",
    priority: BUILD_FIRST
    params:
        # A function: in a plain string Snakemake would take a user's ${address} for a wildcard.
        spec=lambda wildcards: spec_param("plan", PLAN),
    shell:
        'python "$SCRIPTS/plan.py" --spec {params.spec:file} --output {output}'
        " --log {log} --job plan"


rule aggregate:
    input:
        REQUESTED_CELLS,
        LOOKS,
        plan="results/plan.json",
    output:
        parquet="results/tables/samples.parquet",
        csv="results/tables/samples.csv",
    log:
        "results/logs/aggregate.log",
    params:
        code=code_digest("aggregate"),
    shell:
        'python "$SCRIPTS/aggregate.py" --plan {input.plan} --cells results/cells'
        " --stopping results/stopping --parquet {output.parquet} --csv {output.csv} --log {log} --job aggregate"


rule analyze:
    input:
        plan="results/plan.json",
        samples="results/tables/samples.parquet",
    output:
        summary="results/tables/summary.csv",
        anova="results/tables/anova.csv",
        posthoc="results/tables/posthoc.csv",
        ratios="results/tables/ratios.csv",
        levels="results/tables/levels.csv",
        components="results/tables/components.csv",
        checks="results/tables/checks.csv",
    log:
        "results/logs/analyze.log",
    params:
        code=code_digest("analyze"),
    shell:
        'python "$SCRIPTS/analyze.py" --plan {input.plan} --samples {input.samples}'
        " --summary {output.summary} --anova {output.anova} --posthoc {output.posthoc}"
        " --ratios {output.ratios} --levels {output.levels} --components {output.components}"
        " --checks {output.checks} --log {log} --job analyze"


rule provisioning:
    input:
        samples="results/tables/samples.parquet",
    output:
        "results/tables/provisioning.csv",
    log:
        "results/logs/provisioning.log",
    params:
        code=code_digest("provisioning"),
    shell:
        'python "$SCRIPTS/provisioning.py" --samples {input.samples} --provisioning {output}'
        " --log {log} --job provisioning"


rule paper_comparison:
    input:
        plan="results/plan.json",
        machine="results/machine.json",
        samples="results/tables/samples.parquet",
        summary="results/tables/summary.csv",
        ratios="results/tables/ratios.csv",
    output:
        comparison="results/tables/paper_comparison.csv",
        claims="results/tables/paper_claims.csv",
        setup="results/tables/paper_setup.csv",
    log:
        "results/logs/paper_comparison.log",
    params:
        published=folder_digest(RESOURCES / "plauth2017"),
        code=code_digest("paper_comparison"),
    shell:
        'python "$SCRIPTS/paper_comparison.py" --plan {input.plan} --machine {input.machine}'
        " --samples {input.samples} --summary {input.summary} --ratios {input.ratios}"
        ' --published "$SCRIPTS/../resources/plauth2017" --comparison {output.comparison}'
        " --claims {output.claims} --setup {output.setup} --log {log} --job paper_comparison"


rule plot:
    input:
        plan="results/plan.json",
        samples="results/tables/samples.parquet",
        summary="results/tables/summary.csv",
        ratios="results/tables/ratios.csv",
    output:
        FIGURES,
    log:
        "results/logs/plot.log",
    params:
        code=code_digest("plot"),
    shell:
        'python "$SCRIPTS/plot.py" --plan {input.plan} --samples {input.samples}'
        " --summary {input.summary} --ratios {input.ratios} --figures-dir results/figures"
        " --log {log} --job plot"
