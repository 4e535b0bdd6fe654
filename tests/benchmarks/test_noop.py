# SPDX-License-Identifier: Apache-2.0
"""That there is nothing to be done is said about as quickly as bare Snakemake would.

Both workflows have the same files, rules and jobs, which is checked; both are pretended to have
run. Then they are started in turns.
"""

import csv
import json
import os
import shlex
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from builders import ran
from featherbench import registry
from featherbench.testbed.state import STATE_VARIABLE

HERE = Path(__file__).parent
RUNS = 9
MOST_RATIO = 1.5
TOUCH_TIMEOUT_S = 1_200
WHAT_SNAKEMAKE_NEEDS = ("Snakefile", "workflow", "scripts", "profiles", "config", "resources")


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A folder, and the Snakefile that is run there."""

    folder: Path
    snakefile: Path
    arguments: tuple = ()

    def snakemake(self, *more, timeout_s=300):
        kept = {key: value for key, value in os.environ.items() if "BYTECODE" not in key}
        done = ran(
            *(sys.executable, "-m", "snakemake", "--snakefile", self.snakefile),
            *(*self.arguments, "--cores", "1", *more),
            cwd=self.folder,
            env=kept | {STATE_VARIABLE: str(self.folder / "state")},
            timeout=timeout_s,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def files(self):
        """Every file of the DAG, with what makes it."""
        table = self.snakemake("--detailed-summary", "all")
        lines = [line for line in table.splitlines() if "\t" in line]
        return {row["output_file"]: row for row in csv.DictReader(lines, delimiter="\t")}

    def shape(self):
        columns = ("rule", "log-file(s)", "input-file(s)")
        return {
            file: [set(row[column].split(",")) for column in columns]
            for file, row in self.files().items()
        }

    def pretend_that_it_ran(self):
        for file in map(self.folder.joinpath, self.files()):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("made up\n")
        self.snakemake("--touch", "--forceall", "--no-hooks", "all", timeout_s=TOUCH_TIMEOUT_S)
        said = self.snakemake("--dry-run", "all")
        assert "Nothing to be done" in said
        assert "missing provenance" not in said

    def characters(self, word):
        """The length of a word of a command; of a spec, which is a file, that of its content."""
        spec = self.folder / word
        return spec.stat().st_size if word.startswith("results/specs/") else len(word)

    def nothing_to_be_done_s(self):
        began_s = time.perf_counter()
        said = self.snakemake("all")
        took_s = time.perf_counter() - began_s
        assert "Nothing to be done" in said
        return took_s


def our_workflow(folder, repository, config):
    """Copy what is needed: an edit while this runs would leave something to be done."""
    copy = folder / "repository"
    copy.mkdir(parents=True)
    for name in WHAT_SNAKEMAKE_NEEDS:
        make = shutil.copytree if (repository / name).is_dir() else shutil.copy
        make(repository / name, copy / name)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return Workflow(
        folder=folder,
        snakefile=copy / "Snakefile",
        arguments=("--configfile", str(folder / "config.yaml")),
    )


def bare_workflow(folder, repository, ours):
    """Make one like `ours`, which has run."""
    folder.mkdir()
    files = ours.files()
    shutil.copytree(repository / "profiles", folder / "profiles")
    snakefile = shutil.copy(HERE / "bare.smk", folder / "Snakefile")
    workloads = {
        name: registry.load("workloads", name) for name in registry.driver_files("workloads")
    }
    needs = {file: sorted(row["input-file(s)"].split(",")) for file, row in files.items()}
    shape = {
        "digests": {
            "/".join(file.split("/")[2:4]): [one for one in given if one.endswith(".digest")]
            for file, given in needs.items()
            if file.startswith("results/cells/")
        },
        "made_from": {
            file.removesuffix(".json"): [one for one in given if one]
            for file, given in needs.items()
            if file.startswith(("results/images/", "results/root_filesystems/"))
            and file.endswith(".json")
        },
        "leased": [name for name, workload in workloads.items() if workload.uses_lease],
        "cells": [file for file in files if file.startswith("results/cells/")],
        "figures": [file for file in files if file.startswith("results/figures/")],
        "params_characters": {
            row["rule"]: max(map(ours.characters, shlex.split(row["shellcmd"])))
            for row in files.values()
        },
    }
    (folder / "shape.json").write_text(json.dumps(shape))
    return Workflow(folder=folder, snakefile=snakefile)


def default_matrix(repository):
    return yaml.safe_load((repository / "config/config.yaml").read_text())


def thousand_cells(repository):
    """The paper's matrix, as far as this version can run it, with fewer repetitions."""
    config = yaml.safe_load((repository / "config/paper.yaml").read_text())
    for workload in config["workloads"].values():
        workload["repetitions"]["deployments"] = min(21, workload["repetitions"]["deployments"])
    return config


def in_turns_s(*workflows):
    """Give the median time of each; the first run of each does not count."""
    took_s = {workflow: [] for workflow in workflows}
    for run in range(1 + RUNS):
        for workflow in workflows[:: (-1) ** run]:
            took_s[workflow].append(workflow.nothing_to_be_done_s())
    return [statistics.median(took_s[workflow][1:]) for workflow in workflows]


@pytest.mark.docker
@pytest.mark.benchmark
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(
    ("make_config", "least_cells"), [(default_matrix, 80), (thousand_cells, 1_000)]
)
def test_nothing_to_be_done(tmp_path, repository, capsys, make_config, least_cells):
    ours = our_workflow(tmp_path / "ours", repository, make_config(repository))
    ours.pretend_that_it_ran()
    bare = bare_workflow(tmp_path / "bare", repository, ours)
    bare.pretend_that_it_ran()
    assert bare.shape() == ours.shape()
    cells = sum("/cells/" in file for file in ours.files())
    assert cells >= least_cells
    ours_s, bare_s = in_turns_s(ours, bare)
    with capsys.disabled():
        print(  # noqa: T201 - the figure is what a benchmark is for
            f"\nNothing to be done, {cells} cells: {ours_s / bare_s:.2f} x bare Snakemake's time "
            f"({ours_s:.2f} s and {bare_s:.2f} s, medians of {RUNS} runs each, in turns)"
        )
    assert ours_s / bare_s <= MOST_RATIO
