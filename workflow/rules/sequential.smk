# SPDX-License-Identifier: Apache-2.0
# Where a workload says `target_ci_percent`: after each deployment of a platform, whether it needs
# another. The cells themselves know nothing of it, so that a change of the rule measures only
# what is missing. Of each platform by itself: one that fails does not stop the others.


checkpoint interim_look:
    input:
        unpack(what_is_looked_at),
    output:
        "results/stopping/{platform}/{workload}/d{deployment}.json",
    log:
        "results/logs/interim_look/{platform}/{workload}/d{deployment}.log",
    # At once, lest a later deployment begins before; and never beside a measurement.
    priority: BUILD_FIRST
    resources:
        testbed=1,
    params:
        job="interim_look/{platform}/{workload}/d{deployment}",
        spec=lambda wildcards: spec_json(MATRIX.look_spec(**of_deployment(wildcards))),
        before=lambda wildcards, input: (
            f"--before {input.before}" if "before" in input.keys() else ""
        ),
    shell:
        'python "$SCRIPTS/interim_look.py" --spec {params.spec:q} {params.before} --cells results/cells'
        " --deployments results/deployments --warmups results/warmups --output {output}"
        " --log {log} --job {params.job}"
