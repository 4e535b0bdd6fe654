# SPDX-License-Identifier: Apache-2.0
# Measurement. The instance under test is a lease, not a file: the deploy record says what to run,
# and `measure` uses the live instance that matches it, or starts it again. So a deleted cell costs
# one cell, and Snakemake has no instance to forget.

DEPLOY = "deploy/{platform}/{workload}/d{deployment}"
WARMUP = "warmup/{platform}/{workload}/d{deployment}"
MEASURE = "measure/{platform}/{workload}/d{deployment}/{load_point}"


rule deploy:
    input:
        lambda wildcards: inputs.image_digests(SPECS, wildcards.platform, wildcards.workload),
    output:
        "results/deployments/{platform}/{workload}/d{deployment}.json",
    log:
        "results/logs/deploy/{platform}/{workload}/d{deployment}/job.log",
    priority: priority_of
    resources:
        testbed=1,
    params:
        job=DEPLOY,
        spec=lambda wildcards: spec_param(
            DEPLOY, SPECS.deployment("deploy", **deployment_of(wildcards)), wildcards
        ),
    shell:
        '$PYTHON "$SCRIPTS/deploy.py" --spec {params.spec:file} --output {output}'
        " --log {log} --job {params.job}"


rule warmup:
    input:
        "results/deployments/{platform}/{workload}/d{deployment}.json",
    output:
        "results/warmups/{platform}/{workload}/d{deployment}.json",
    log:
        "results/logs/warmup/{platform}/{workload}/d{deployment}/job.log",
    priority: priority_of
    resources:
        testbed=1,
    params:
        job=WARMUP,
        spec=lambda wildcards: spec_param(
            WARMUP, SPECS.deployment("warmup", **deployment_of(wildcards)), wildcards
        ),
    shell:
        '$PYTHON "$SCRIPTS/warmup.py" --spec {params.spec:file} --deployment {input}'
        " --output {output} --log {log} --job {params.job}"


rule measure:
    input:
        unpack(lambda wildcards: inputs.cell_inputs(SPECS, inputs.cell_of(dict(wildcards)))),
    output:
        "results/cells/{platform}/{workload}/d{deployment}/{load_point}.json",
    log:
        "results/logs/measure/{platform}/{workload}/d{deployment}/{load_point}/job.log",
    priority: priority_of
    resources:
        testbed=1,
    params:
        job=MEASURE,
        spec=lambda wildcards: spec_param(
            MEASURE,
            SPECS.cell(**inputs.cell_of(dict(wildcards))._asdict()),
            wildcards,
        ),
        records=lambda wildcards, input: " ".join(
            f"--{name} {input[name]}" for name in ("deployment", "reach") if name in input.keys()
        ),
    shell:
        '$PYTHON "$SCRIPTS/measure.py" --spec {params.spec:file} {params.records}'
        " --output {output} --log {log} --job {params.job}"
