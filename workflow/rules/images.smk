# SPDX-License-Identifier: Apache-2.0
# Images. What depends on one reads its small digest file: Snakemake compares the content of
# small files, so that a new time alone, of a copied folder say, measures nothing again.
#
# Building takes the testbed like a measurement does: it would disturb one.

BUILD_FIRST = order.GROUP_STEP * (len(RANKS) + 2)


rule root_filesystem:
    output:
        tar="results/images/root.tar",
        record="results/images/root.json",
        digest="results/images/root.digest",
    log:
        "results/logs/root_filesystem.log",
    priority: BUILD_FIRST
    resources:
        testbed=1,
    params:
        spec=lambda wildcards: spec_json(MATRIX.root_filesystem_spec()),
    shell:
        'python "$SCRIPTS/root_filesystem.py" --spec {params.spec:q} --tar {output.tar}'
        " --record {output.record} --digest {output.digest}"
        " --log {log} --job root_filesystem"


rule build_image:
    input:
        unpack(root_filesystem_if_needed),
    output:
        record="results/images/{technology}/{app}.json",
        digest="results/images/{technology}/{app}.digest",
    log:
        "results/logs/build_image/{technology}/{app}.log",
    priority: BUILD_FIRST
    resources:
        testbed=1,
    params:
        job="build_image/{technology}/{app}",
        spec=lambda wildcards: spec_json(MATRIX.image_spec(wildcards.technology, wildcards.app)),
        root=lambda wildcards, input: (f"--root {input.root}" if "root" in input.keys() else ""),
    shell:
        'python "$SCRIPTS/build_image.py" --spec {params.spec:q} {params.root}'
        " --record {output.record} --digest {output.digest}"
        " --log {log} --job {params.job}"
