# SPDX-License-Identifier: Apache-2.0
# What Snakemake says of every job besides our own lines: the scheduler at work, and the
# whole command of a job that failed, two thousand characters of params, of which our own
# message has just said what went wrong.

import logging


def is_news(record):
    noise = ("Select jobs to execute", "Execute ", "RuleException:\nCalledProcessError")
    return not record.getMessage().startswith(noise)


logging.getLogger("snakemake.logging").addFilter(is_news)
