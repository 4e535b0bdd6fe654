# SPDX-License-Identifier: Apache-2.0
# Sequential stopping, for workloads with `target_ci_percent`: after each deployment of a platform,
# an interim look decides whether it needs another one. The looks are checkpoints: the cells that
# they request are known only then. The cells' own params hold nothing of the rule, so that a
# changed rule measures only what is missing. Each platform has its own looks: one that fails does
# not stop the others.

INTERIM_LOOK = "interim_look/{platform}/{workload}/d{deployment}"


checkpoint interim_look:
    input:
        unpack(lambda wildcards: inputs.look_inputs(interim_look_spec(wildcards), read_look)),
    output:
        "results/stopping/{platform}/{workload}/d{deployment}.json",
    log:
        "results/logs/interim_look/{platform}/{workload}/d{deployment}.log",
    # First, so that no later deployment starts before it; and never beside a measurement.
    priority: BUILD_FIRST
    resources:
        testbed=1,
    params:
        job=INTERIM_LOOK,
        spec=lambda wildcards: spec_param(INTERIM_LOOK, interim_look_spec(wildcards), wildcards),
        previous=lambda wildcards, input: (
            f"--previous {input.previous}" if "previous" in input.keys() else ""
        ),
    shell:
        '$PYTHON "$SCRIPTS/interim_look.py" --spec {params.spec:file} {params.previous}'
        " --results results --output {output} --log {log} --job {params.job}"
