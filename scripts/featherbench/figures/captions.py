# SPDX-License-Identifier: Apache-2.0
"""The captions of the figures: what marks and bars mean, and what to know of the metrics."""

from __future__ import annotations

LINE_PLOT = (
    "Mean of the valid windows; error bars: ± SD of the windows (as in the paper); shading: 95 % "
    "interval of the mean over deployments. Hollow: at least one window is suspect. Invalid "
    "windows enter no mean; their number is in the legend, a cross on the axis shows where."
)
DOT_PLOT = (
    "Mean of the valid windows, with its value; thin bar: ± SD of the windows (as in the paper); "
    "thick bar: 95 % interval of the mean over deployments; dots: single windows. Hollow: at "
    "least one window is suspect. Invalid windows enter no mean; their number is beside the "
    "value."
)
RATIOS = (
    "Each platform over the baseline: geometric mean of the ratios, with its 95 % interval over "
    "deployments; the line at 1 is the baseline. Pale: the p-value, adjusted for the number of "
    "comparisons, is 5 % or more. {levels}Numbers: results/tables/ratios.csv."
)
FROM_TOP = "Of each platform, from top to bottom, more and more connections. "
LATENCY_THROUGHPUT = (
    "Means over the valid windows, of throughput and of the load generator's latency "
    "percentiles; bars: 95 % intervals over deployments. Along each line connections grow, from "
    "the small mark to the large one, through the levels of the figures of throughput. Hollow: "
    "at least one window is suspect."
)
DISTRIBUTION = (
    "All valid windows as dots, relative to the median of their platform{levels}; each "
    "deployment on a line of its own, the first one at the top; tick: the deployment's mean. "
    "Hollow: suspect."
)
AT_LEVEL = " at their number of connections, all numbers together"
RUN_ORDER = (
    "All valid windows in the order in which their cells were measured, relative to the median "
    "of their platform and level, so that only time is left; hollow: suspect. Line: mean of each "
    "block, that is of all platforms and levels of one deployment number; shading: its 95 % "
    "interval over these cells, if there are four. A slope is drift, a step a change of machine."
)
TIME_TO_FIRST_PACKET = (
    "Mean start to the first packet (startup), plus the compressed image of the server over the "
    "link's bandwidth: nothing is cached, and unpacking is not counted; shading: 95 % interval "
    "of the start over deployments. Ring: from this bandwidth on another platform is the first, "
    "of those that isolate the service. All crossings: results/tables/provisioning.csv."
)
PINGED = (
    "Pinged is the network stack that the server uses: for linux and network host this "
    "machine's, for nat the container's own address, by route, not through the translation."
)
WORKING_SET = (
    "Memory is the working set: all but the page cache that the kernel would drop first. What is "
    "left of that cache is charged to whoever touched a page first, be it another than this "
    "server; the tables give the anonymous part, which is the server's own, beside it."
)
MINIMUM = (
    "Least that suffices: a machine is given an amount of memory once and for all; this is the "
    "least one, on a grid, with which it is as fast as with ample memory."
)
NOT_THE_SAME = (
    "What is held and what suffices are not the same quantity; the paper's Figure 5 sets them "
    "side by side as well."
)
EMULATED = (
    "Emulated in software: these stand in for machines that this host does not have, and are no "
    "measure of virtualization."
)
