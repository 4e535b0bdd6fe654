# SPDX-License-Identifier: Apache-2.0
"""A workflow as Snakemake is one: jobs in turn, by `standin_workflow.py JOBS JOB_ARGUMENT ...`."""

import os
import subprocess
import sys
from pathlib import Path

os.environ["FEATHERBENCH_WORKFLOW_PID"] = str(os.getpid())
jobs, *arguments = sys.argv[1:]
job = Path(__file__).with_name("standin_job.py")
statuses = [
    subprocess.run([sys.executable, str(job), *arguments], check=False).returncode
    for _ in range(int(jobs))
]
sys.exit(max(map(abs, statuses)))
