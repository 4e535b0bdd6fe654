# SPDX-License-Identifier: Apache-2.0
# What our workflow is to Snakemake and nothing more: the same rules, wildcards, inputs, outputs and
# logs, and params that are as many and as long as ours, but always the same.

import json
from pathlib import Path

SHAPE = json.loads(Path("shape.json").read_text())
TABLES = [
    "results/tables/samples.parquet",
    "results/tables/summary.csv",
    "results/tables/anova.csv",
    "results/tables/posthoc.csv",
    "results/tables/ratios.csv",
    "results/tables/levels.csv",
    "results/tables/components.csv",
    "results/tables/checks.csv",
    "results/tables/paper_comparison.csv",
    "results/tables/paper_claims.csv",
    "results/tables/paper_setup.csv",
]


def told(rule):
    return "x" * SHAPE["params_characters"][rule]


def digests(wildcards):
    return SHAPE["digests"][f"{wildcards.platform}/{wildcards.workload}"]


def below(file):
    """The root file system that something is made from: a new time of it alone makes nothing."""

    def needed(wildcards):
        stem = file.format(**dict(wildcards.items()))
        return [
            one if one.endswith(".digest") else ancient(one) for one in SHAPE["made_from"][stem]
        ]

    return needed


def measured(wildcards):
    if wildcards.workload not in SHAPE["leased"]:
        return digests(wildcards)
    where = f"{wildcards.platform}/{wildcards.workload}/d{wildcards.deployment}.json"
    return [*digests(wildcards), f"results/deployments/{where}", f"results/warmups/{where}"]


rule all:
    default_target: True
    input:
        cells=SHAPE["cells"],
        figures=SHAPE["figures"],
        tables=[*TABLES, "results/tables/samples.csv", "results/tables/provisioning.csv"],
        report="results/report.html",


rule root_filesystem:
    output:
        "results/images/root.tar",
        "results/images/root.json",
        "results/images/root.digest",
    log:
        "results/logs/root_filesystem.log",
    params:
        told=told("root_filesystem"),
    shell:
        "true {params.told}"


rule derived_root_filesystem:
    input:
        below("results/root_filesystems/{name}"),
    output:
        "results/root_filesystems/{name}.tar",
        "results/root_filesystems/{name}.json",
        "results/root_filesystems/{name}.digest",
    log:
        "results/logs/derived_root_filesystem/{name}.log",
    params:
        job="derived_root_filesystem/{name}",
        told=told("derived_root_filesystem"),
    shell:
        "true {params.told}"


rule build_image:
    input:
        below("results/images/{technology}/{service}"),
    output:
        "results/images/{technology}/{service}.json",
        "results/images/{technology}/{service}.digest",
    log:
        "results/logs/build_image/{technology}/{service}.log",
    params:
        job="build_image/{technology}/{service}",
        told=told("build_image"),
        root="results/images/root.json",
    shell:
        "true {params.told}"


rule deploy:
    input:
        digests,
    output:
        "results/deployments/{platform}/{workload}/d{deployment}.json",
    log:
        "results/logs/deploy/{platform}/{workload}/d{deployment}/job.log",
    params:
        job="deploy/{platform}/{workload}/d{deployment}",
        told=told("deploy"),
    shell:
        "true {params.told}"


rule warmup:
    input:
        "results/deployments/{platform}/{workload}/d{deployment}.json",
    output:
        "results/warmups/{platform}/{workload}/d{deployment}.json",
    log:
        "results/logs/warmup/{platform}/{workload}/d{deployment}/job.log",
    params:
        job="warmup/{platform}/{workload}/d{deployment}",
        told=told("warmup"),
    shell:
        "true {params.told}"


rule measure:
    input:
        measured,
    output:
        "results/cells/{platform}/{workload}/d{deployment}/{load_point}.json",
    log:
        "results/logs/measure/{platform}/{workload}/d{deployment}/{load_point}/job.log",
    params:
        job="measure/{platform}/{workload}/d{deployment}/{load_point}",
        told=told("measure"),
        deployment="results/deployments/{platform}/{workload}/d{deployment}.json",
    shell:
        "true {params.told}"


rule plan:
    output:
        "results/plan.json",
    log:
        "results/logs/plan.log",
    params:
        told=told("plan"),
    shell:
        "true {params.told}"


rule aggregate:
    input:
        "results/plan.json",
        SHAPE["cells"],
    output:
        "results/tables/samples.parquet",
        "results/tables/samples.csv",
    log:
        "results/logs/aggregate.log",
    params:
        told=told("aggregate"),
    shell:
        "true {params.told}"


rule analyze:
    input:
        "results/plan.json",
        "results/tables/samples.parquet",
    output:
        "results/tables/summary.csv",
        "results/tables/anova.csv",
        "results/tables/posthoc.csv",
        "results/tables/ratios.csv",
        "results/tables/levels.csv",
        "results/tables/components.csv",
        "results/tables/checks.csv",
        "results/tables/provisioning.csv",
    log:
        "results/logs/analyze.log",
    params:
        told=told("analyze"),
    shell:
        "true {params.told}"


rule paper_comparison:
    input:
        "results/plan.json",
        "results/machine.json",
        "results/tables/samples.parquet",
        "results/tables/summary.csv",
        "results/tables/ratios.csv",
    output:
        "results/tables/paper_comparison.csv",
        "results/tables/paper_claims.csv",
        "results/tables/paper_setup.csv",
    log:
        "results/logs/paper_comparison.log",
    params:
        told=told("paper_comparison"),
    shell:
        "true {params.told}"


rule plot:
    input:
        "results/plan.json",
        "results/tables/samples.parquet",
        "results/tables/summary.csv",
        "results/tables/ratios.csv",
    output:
        SHAPE["figures"],
    log:
        "results/logs/plot.log",
    params:
        told=told("plot"),
    shell:
        "true {params.told}"


rule machine:
    input:
        SHAPE["cells"],
    output:
        "results/machine.json",
    log:
        "results/logs/machine.log",
    params:
        fingerprint="x" * 12,
        told=told("machine"),
    shell:
        "true {params.told}"


rule rulegraph:
    input:
        "results/plan.json",
    output:
        "results/rulegraph.svg",
    log:
        "results/logs/rulegraph.log",
    params:
        snakefile="Snakefile",
        told=told("rulegraph"),
    shell:
        "true {params.told}"


rule report:
    input:
        "results/plan.json",
        "results/machine.json",
        "results/rulegraph.svg",
        SHAPE["figures"],
        TABLES,
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    params:
        told=told("report"),
    shell:
        "true {params.told}"
