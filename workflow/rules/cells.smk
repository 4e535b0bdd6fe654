# SPDX-License-Identifier: Apache-2.0
# Measurement. The instance under test is a lease, not a file: the deploy record says what
# to run, and `measure` finds the live instance that matches it, or starts it again. So a
# deleted cell costs one cell, and nothing is left running for Snakemake to forget.


def image_digests(wildcards):
    return [
        f"results/images/{technology}/{app}.digest"
        for technology, app in MATRIX.images_of(wildcards.platform, wildcards.workload)
    ]


def of_deployment(wildcards):
    return {
        "platform": wildcards.platform,
        "workload": wildcards.workload,
        "deployment": int(wildcards.deployment),
    }


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
        spec=lambda wildcards: spec_json(MATRIX.deploy_spec("deploy", **of_deployment(wildcards))),
    shell:
        "{RUN}/deploy.py --spec {params.spec:q} --output {output} --log {log}"
        " --job deploy/{wildcards.platform}/{wildcards.workload}/d{wildcards.deployment}"


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
        spec=lambda wildcards: spec_json(MATRIX.deploy_spec("warmup", **of_deployment(wildcards))),
    shell:
        "{RUN}/warmup.py --spec {params.spec:q} --deployment {input} --output {output}"
        " --log {log}"
        " --job warmup/{wildcards.platform}/{wildcards.workload}/d{wildcards.deployment}"


def what_is_measured(wildcards):
    digests = {"images": image_digests(wildcards)}
    if not MATRIX.uses_lease(wildcards.workload):
        return digests
    where = "{platform}/{workload}/d{deployment}.json".format(**dict(wildcards))
    return digests | {
        "deployment": f"results/deployments/{where}",
        "warmup": f"results/warmups/{where}",
    }


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
        spec=lambda wildcards: spec_json(
            MATRIX.measure_spec(**of_deployment(wildcards), concurrency=int(wildcards.concurrency))
        ),
        deployment=lambda wildcards, input: (
            f"--deployment {input.deployment}" if "deployment" in input.keys() else ""
        ),
    shell:
        "{RUN}/measure.py --spec {params.spec:q} {params.deployment} --output {output}"
        " --log {log} --job measure/{wildcards.platform}/{wildcards.workload}"
        "/d{wildcards.deployment}/c{wildcards.concurrency}"
