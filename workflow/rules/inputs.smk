# SPDX-License-Identifier: Apache-2.0
# What the jobs of a rule need, as functions of their wildcards.


def root_stem(name):
    return "results/images/root" if name == BASE else f"results/roots/{name}"


def root_filesystem_below(wildcards):
    stem = root_stem(variants.below(wildcards.variant))
    return {"digest": f"{stem}.digest", "below": ancient(f"{stem}.tar")}


def needed_root_filesystems(wildcards):
    stems = [root_stem(name) for name in MATRIX.root_filesystems(wildcards.owner)]
    # The archives must be there, but what counts is their digests.
    return {
        "root_digests": [f"{stem}.digest" for stem in stems],
        "root_tars": [ancient(f"{stem}.tar") for stem in stems],
        "roots": [ancient(f"{stem}.json") for stem in stems],
    }


def image_digests(wildcards):
    return [
        f"results/images/{owner}/{app}.digest"
        for owner, app in MATRIX.images_of(wildcards.platform, wildcards.workload)
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
