# SPDX-License-Identifier: Apache-2.0
# Root file systems and images. A job that needs one has its small digest file as input: Snakemake
# compares the checksums of small files, so that a new modification time alone reruns nothing. The
# archives are `ancient` inputs: they must exist, and their time does not count.
#
# A build takes the testbed like a measurement, which it would disturb.

DERIVED = "derived_root_filesystem/{name}"
IMAGE = "build_image/{owner}/{service}"


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
        spec=lambda wildcards: spec_param("root_filesystem", SPECS.root_filesystem()),
    shell:
        '$PYTHON "$SCRIPTS/root_filesystem.py" --spec {params.spec:file} --tar {output.tar}'
        " --record {output.record} --digest {output.digest}"
        " --log {log} --job root_filesystem"


rule derived_root_filesystem:
    input:
        digest=lambda wildcards: inputs.base_root_filesystem(wildcards.name, ".digest"),
        base=lambda wildcards: ancient(inputs.base_root_filesystem(wildcards.name, ".tar")),
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
        job=DERIVED,
        spec=lambda wildcards: spec_param(
            DERIVED, SPECS.derived_root_filesystem(wildcards.name), wildcards
        ),
    shell:
        '$PYTHON "$SCRIPTS/derived_root_filesystem.py" --spec {params.spec:file} --base {input.base}'
        " --tar {output.tar} --record {output.record} --digest {output.digest}"
        " --log {log} --job {params.job}"


rule build_image:
    input:
        digests=lambda wildcards: inputs.root_filesystems(SPECS, wildcards.owner, ".digest"),
        archives=lambda wildcards: ancient(inputs.root_filesystems(SPECS, wildcards.owner, ".tar")),
        root_filesystems=lambda wildcards: ancient(
            inputs.root_filesystems(SPECS, wildcards.owner, ".json")
        ),
    output:
        record="results/images/{owner}/{service}.json",
        digest="results/images/{owner}/{service}.digest",
    log:
        "results/logs/build_image/{owner}/{service}.log",
    priority: BUILD_FIRST
    resources:
        testbed=1,
    params:
        job=IMAGE,
        spec=lambda wildcards: spec_param(
            IMAGE, SPECS.image(wildcards.owner, wildcards.service), wildcards
        ),
    shell:
        '$PYTHON "$SCRIPTS/build_image.py" --spec {params.spec:file}'
        " --root-filesystems {input.root_filesystems}"
        " --record {output.record} --digest {output.digest}"
        " --log {log} --job {params.job}"
