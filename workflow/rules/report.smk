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
    resources:
        testbed=1,
    params:
        fingerprint=fingerprint(),
        code=code_digest("machine"),
        hypervisors=HYPERVISOR_SETTINGS,
    shell:
        '$PYTHON "$SCRIPTS/machine.py" --begun results/logs/machine.json --hypervisors {params.hypervisors:q}'
        " --output {output} --log {log} --job machine"


rule rulegraph:
    input:
        "results/plan.json",
    output:
        "results/rulegraph.svg",
    log:
        "results/logs/rulegraph.log",
    resources:
        testbed=1,
    params:
        snakefile=workflow.main_snakefile,
        code=code_digest("rulegraph"),
    shell:
        '$PYTHON "$SCRIPTS/rulegraph.py" --snakefile {params.snakefile:q} --output {output}'
        " --log {log} --job rulegraph"


rule report:
    input:
        LOOKS,
        plan="results/plan.json",
        machine="results/machine.json",
        rulegraph="results/rulegraph.svg",
        figures=FIGURES,
        tables=TABLES,
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    resources:
        testbed=1,
    params:
        code=code_digest("report") + folder_digest(RESOURCES / "report"),
    shell:
        '$PYTHON "$SCRIPTS/report.py" --results results --output {output} --log {log} --job report'
