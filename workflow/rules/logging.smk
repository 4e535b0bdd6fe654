# SPDX-License-Identifier: Apache-2.0
# What the package logs goes to the logs of jobs; this process says itself what users need to know.
# Drops Snakemake's messages on each job that repeat our own lines: the scheduler's, and the command
# of a job that failed, after the job's message on what failed.

import logging


def is_news(record):
    noise = ("Select jobs to execute", "Execute ", "RuleException:\nCalledProcessError")
    return not record.getMessage().startswith(noise)


logging.getLogger("snakemake.logging").addFilter(is_news)
logging.getLogger("featherbench").addHandler(logging.NullHandler())
