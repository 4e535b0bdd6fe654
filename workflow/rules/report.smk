# SPDX-License-Identifier: Apache-2.0
# The report: one file that opens offline.


localrules:
    machine,
    rulegraph,
    report,


rule machine:
    input:
        # It was examined when the run began: see hooks.smk.
        REQUESTED_CELLS,
    output:
        "results/machine.json",
    log:
        "results/logs/machine.log",
    params:
        fingerprint=fingerprint(),
        code=code_digest("machine"),
        hypervisors=HYPERVISOR_SETTINGS,
    shell:
        'python "$SCRIPTS/machine.py" --begun results/logs/machine.json --hypervisors {params.hypervisors:q}'
        " --output {output} --log {log} --job machine"


rule rulegraph:
    input:
        "results/plan.json",
    output:
        "results/rulegraph.svg",
    log:
        "results/logs/rulegraph.log",
    params:
        snakefile=workflow.main_snakefile,
        configfile=CONFIG_FILE,
        code=code_digest("rulegraph"),
    shell:
        'python "$SCRIPTS/rulegraph.py" --snakefile {params.snakefile:q}'
        " --configfile {params.configfile:q} --output {output} --log {log} --job rulegraph"


rule report:
    input:
        LOOKS,
        plan="results/plan.json",
        machine="results/machine.json",
        rulegraph="results/rulegraph.svg",
        figures=FIGURES,
        samples="results/tables/samples.parquet",
        summary="results/tables/summary.csv",
        anova="results/tables/anova.csv",
        posthoc="results/tables/posthoc.csv",
        ratios="results/tables/ratios.csv",
        levels="results/tables/levels.csv",
        components="results/tables/components.csv",
        checks="results/tables/checks.csv",
        paper_comparison="results/tables/paper_comparison.csv",
        paper_claims="results/tables/paper_claims.csv",
        paper_setup="results/tables/paper_setup.csv",
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    params:
        code=code_digest("report") + folder_digest(RESOURCES / "report"),
    shell:
        'python "$SCRIPTS/report.py" --plan {input.plan} --machine {input.machine}'
        " --samples {input.samples} --summary {input.summary} --anova {input.anova}"
        " --posthoc {input.posthoc} --ratios {input.ratios} --levels {input.levels}"
        " --components {input.components} --checks {input.checks}"
        " --paper-comparison {input.paper_comparison} --paper-claims {input.paper_claims}"
        " --paper-setup {input.paper_setup}"
        " --figures-dir results/figures --images results/images --cells results/cells"
        " --stopping results/stopping --failures results/failures"
        " --rulegraph {input.rulegraph} --output {output} --log {log} --job report"
