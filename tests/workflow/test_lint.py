# SPDX-License-Identifier: Apache-2.0
"""`snakemake --lint` finds nothing but what we have decided otherwise."""

import re
import sys

from builders import ran

EXPLAINED = {
    # The environment is `.venv`, made from a hash-checked lock; and what is measured is this
    # host itself: a job inside a container would measure the container.
    "Specify a conda environment or container for each rule.",
}


def test_the_linter_finds_only_what_is_explained(repository):
    done = ran(sys.executable, "-m", "snakemake", "--lint", cwd=repository, timeout=120)
    findings = set(re.findall(r"^    \* (.*?):?$", done.stdout + done.stderr, re.MULTILINE))
    assert {finding.rstrip(":") for finding in findings} == EXPLAINED, done.stderr
