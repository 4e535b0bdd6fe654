# SPDX-License-Identifier: Apache-2.0
# What the jobs of a rule need, as functions of their wildcards.


def root_filesystem_if_needed(wildcards):
    if not MATRIX.needs_root_filesystem(wildcards.technology):
        return {}
    # The archive must be there, but what counts is its digest.
    return {
        "root_digest": "results/images/root.digest",
        "root_tar": ancient("results/images/root.tar"),
        "root": ancient("results/images/root.json"),
    }


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


def what_is_measured(wildcards):
    digests = {"images": image_digests(wildcards)}
    if not MATRIX.uses_lease(wildcards.workload):
        return digests
    where = "{platform}/{workload}/d{deployment}.json".format(**dict(wildcards))
    return digests | {
        "deployment": f"results/deployments/{where}",
        "warmup": f"results/warmups/{where}",
    }


def measured_cells(wildcards):
    return [cell for cell in CELLS if not PARTIAL or os.path.exists(cell)]
