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


rule derived_root_filesystem:
    input:
        unpack(base_root_filesystem),
    output:
        tar="results/root_filesystems/{name}.tar",
        record="results/root_filesystems/{name}.json",
        digest="results/root_filesystems/{name}.digest",
    log:
        "results/logs/derived_root_filesystem/{name}.log",
    priority: BUILD_FIRST
    resources:
        testbed=1,
    params:
        job="derived_root_filesystem/{name}",
        spec=lambda wildcards: spec_json(MATRIX.derived_root_filesystem_spec(wildcards.name)),
    shell:
        'python "$SCRIPTS/derived_root_filesystem.py" --spec {params.spec:q} --base {input.base}'
        " --tar {output.tar} --record {output.record} --digest {output.digest}"
        " --log {log} --job {params.job}"


rule build_image:
    input:
        unpack(needed_root_filesystems),
    output:
        record="results/images/{owner}/{service}.json",
        digest="results/images/{owner}/{service}.digest",
    log:
        "results/logs/build_image/{owner}/{service}.log",
    priority: BUILD_FIRST
    resources:
        testbed=1,
    params:
        job="build_image/{owner}/{service}",
        spec=lambda wildcards: spec_json(MATRIX.image_spec(wildcards.owner, wildcards.service)),
    shell:
        'python "$SCRIPTS/build_image.py" --spec {params.spec:q}'
        " --root-filesystems {input.root_filesystems}"
        " --record {output.record} --digest {output.digest}"
        " --log {log} --job {params.job}"
