# SPDX-License-Identifier: Apache-2.0
# What the jobs of a rule need, as functions of their wildcards.


def root_stem(name):
    return "results/images/root" if name == BASE else f"results/root_filesystems/{name}"


def base_root_filesystem(wildcards):
    stem = root_stem(descriptions.base_of(wildcards.name))
    return {"digest": f"{stem}.digest", "base": ancient(f"{stem}.tar")}


def needed_root_filesystems(wildcards):
    stems = [root_stem(name) for name in MATRIX.root_filesystems(wildcards.owner)]
    # The archives must be there, but what counts is their digests.
    return {
        "root_digests": [f"{stem}.digest" for stem in stems],
        "root_tars": [ancient(f"{stem}.tar") for stem in stems],
        "root_filesystems": [ancient(f"{stem}.json") for stem in stems],
    }


def image_digests(wildcards):
    return [
        f"results/images/{owner}/{service}.digest"
        for owner, service in MATRIX.images_of(wildcards.platform, wildcards.workload)
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


def cells_of(platform, workload, levels, deployments):
    return [
        f"results/cells/{platform}/{workload}/d{deployment}/c{level}.json"
        for deployment in deployments
        for level in levels
    ]


def look_after(platform, workload, deployment):
    """Read what was decided. Until that is done, Snakemake puts off whoever asks."""
    where = {"platform": platform, "workload": workload, "deployment": deployment}
    return stopping.Look.read(Path(checkpoints.interim_look.get(**where).output[0]))


def last_look(platform, workload):
    numbers = range(workload.until.first_look, workload.until.most + 1)
    looks = (look_after(platform, workload.name, number) for number in numbers)
    return next(look for look in looks if not look.going_on)


def cells_until_enough(platform, workload):
    def cells(wildcards):
        levels = last_look(platform, workload).levels
        return [
            cell
            for level in levels
            for cell in cells_of(
                platform, workload.name, [level.concurrency], range(1, level.deployments + 1)
            )
        ]

    return cells


def deciding_look(platform, workload):
    def file(wildcards):
        number = last_look(platform, workload).deployment
        return str(stopping.look_file(stopping.FOLDER, platform, workload.name, number))

    return file


def what_is_looked_at(wildcards):
    """The cells that are new to this look, and the look before, which tells of the others."""
    spec = MATRIX.look_spec(**of_deployment(wildcards))
    place = (spec.platform, spec.workload)
    if spec.deployment == spec.rule.first_look:
        return {"cells": cells_of(*place, spec.levels, range(1, spec.deployment + 1))}
    before = stopping.look_file(stopping.FOLDER, *place, spec.deployment - 1)
    levels = look_after(*place, spec.deployment - 1).going_on
    return {"cells": cells_of(*place, levels, [spec.deployment]), "before": str(before)}


def measured_cells(wildcards):
    asked = stopping.with_asked(PLAN, stopping.FOLDER)
    return [cell for cell in map(cell_file, asked.cells()) if os.path.exists(cell)]


# Each is an input of its own: one that Snakemake puts off leaves the others as they are.
UNTIL_ENOUGH = list(PLAN.until_enough())
LOOKS = [] if PARTIAL else [deciding_look(*each) for each in UNTIL_ENOUGH]
ASKED_CELLS = (
    [measured_cells]
    if PARTIAL
    else [
        *map(cell_file, PLAN.fixed().cells()),
        *(cells_until_enough(*each) for each in UNTIL_ENOUGH),
    ]
)
