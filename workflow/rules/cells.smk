# SPDX-License-Identifier: Apache-2.0
# Measurement. The instance under test is a lease, not a file: the deploy record says what
# to run, and `measure` finds the live instance that matches it, or starts it again. So a
# deleted cell costs one cell, and nothing is left running for Snakemake to forget.


rule deploy:
    input:
        image_digests,
    output:
        "results/deployments/{platform}/{workload}/d{deployment}.json",
    log:
        "results/logs/deploy/{platform}/{workload}/d{deployment}/job.log",
    priority: priority_of
    resources:
        testbed=1,
    params:
        job="deploy/{platform}/{workload}/d{deployment}",
        spec=lambda wildcards: spec_json(MATRIX.deploy_spec("deploy", **of_deployment(wildcards))),
    shell:
        'python "$SCRIPTS/deploy.py" --spec {params.spec:q} --output {output}'
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
        job="warmup/{platform}/{workload}/d{deployment}",
        spec=lambda wildcards: spec_json(MATRIX.deploy_spec("warmup", **of_deployment(wildcards))),
    shell:
        'python "$SCRIPTS/warmup.py" --spec {params.spec:q} --deployment {input} --output {output}'
        " --log {log} --job {params.job}"


rule measure:
    input:
        unpack(what_is_measured),
    output:
        "results/cells/{platform}/{workload}/d{deployment}/c{concurrency}.json",
    log:
        "results/logs/measure/{platform}/{workload}/d{deployment}/c{concurrency}/job.log",
    priority: priority_of
    resources:
        testbed=1,
    params:
        job="measure/{platform}/{workload}/d{deployment}/c{concurrency}",
        spec=lambda wildcards: spec_json(
            MATRIX.measure_spec(**of_deployment(wildcards), concurrency=int(wildcards.concurrency))
        ),
        deployment=lambda wildcards, input: (
            f"--deployment {input.deployment}" if "deployment" in input.keys() else ""
        ),
    shell:
        'python "$SCRIPTS/measure.py" --spec {params.spec:q} {params.deployment} --output {output}'
        " --log {log} --job {params.job}"
