# SPDX-License-Identifier: Apache-2.0
"""The captions of the figures: what marks and bars mean, and what to know of the metrics."""

LINE_PLOT = (
    "Mean of the valid windows; error bars: ± SD of the windows (as in the paper); shading: 95 % "
    "interval of the mean over deployments. Hollow: at least one window is suspect. The means "
    "exclude invalid windows; the legend has their number, and crosses on the axis mark their "
    "levels."
)
DOT_PLOT = (
    "Mean of the valid windows, with its value; thin bar: ± SD of the windows (as in the paper); "
    "thick bar: 95 % interval of the mean over deployments; dots: single windows. Hollow: at "
    "least one window is suspect. The means exclude invalid windows; their number is beside the "
    "value."
)
RATIOS = (
    "Each platform over the baseline: geometric mean of the ratios, with its 95 % interval over "
    "deployments; the line at 1 is the baseline. Pale: the p-value, adjusted for the number of "
    "comparisons, is 5 % or more. {levels}Numbers: results/tables/ratios.csv."
)
FROM_TOP = "Of each platform, the number of connections grows from top to bottom. "
LATENCY_THROUGHPUT = (
    "Means of the valid windows, of throughput and of the load generator's latency percentiles; "
    "bars: 95 % intervals over deployments. Along each line the number of connections grows from "
    "the small mark to the large one, with the levels of the figures of throughput. Hollow: at "
    "least one window is suspect. wrk corrects its latencies after a stall by a formula, other "
    "load generators do not: latencies of different load generators are not comparable."
)
LATENCY_AT_RATE = (
    "Latencies from the moment when a request was due, at a rate that does not wait for the "
    "server: means of the percentiles, with 95 % intervals over deployments. Hollow: at least one "
    "window is suspect, for example because the rate was not reached: the latency then depends on "
    "how long the windows were. Platforms stand side by side at each rate."
)
QUANTILES = (
    "All latencies of the valid windows together, from the moment when a request was due: the "
    "share of requests that took at most so long, as far as at least ten took longer. Of many "
    "rates, some are shown. Numbers: results/tables/latency_quantiles.csv."
)
CAPACITY = (
    "Beside each: the ratio, and the mean capacity, the greatest rate in requests/s at which the "
    "latency stayed within the objective."
)
DISTRIBUTION = (
    "All valid windows as dots, relative to the median of their platform{levels}; each deployment "
    "has a line, with the first one at the top; tick: the deployment's mean. Hollow: suspect."
)
AT_LEVEL = " at their number of connections, for all numbers together"
RUN_ORDER = (
    "All valid windows in the order in which their cells were measured, relative to the median "
    "of their platform and level; hollow: suspect. Line: mean of each block, which is all "
    "platforms and levels of one deployment number; shading: its 95 % interval over these cells, "
    "if there are at least four. A slope is drift; a step is a change of the machine."
)
TIME_TO_FIRST_PACKET = (
    "Mean start to the first packet (startup), plus the compressed image of the server over the "
    "link's bandwidth; nothing is cached, and unpacking is not included; shading: 95 % interval "
    "of the start over deployments. Ring: from this bandwidth on, another platform is the "
    "fastest of those that isolate the service. All crossings: results/tables/provisioning.csv."
)
PINGED = (
    "The ping goes to the network stack that the server uses: this machine's for linux and for "
    "network host; for nat the container's own address, by route, not through the translation."
)
CPU_PER_REQUEST = (
    "The whole cost is the busy time of the server's CPUs: the kernel's work for the network, the "
    "hypervisor and an engine's helpers are in it; 'instance' is what the platform accounts to the "
    "instance alone."
)
WORKING_SET = (
    "Memory is the working set: everything but the page cache that the kernel would drop first. "
    "The rest of that cache is charged to the process that first used a page, even if that is "
    "not this server; the tables also have the anonymous part, which is the server's own."
)
MINIMUM = (
    "Minimum that suffices: the memory of a machine is fixed when it starts; this is the minimum, "
    "in steps, with which it is as fast as with the reference memory."
)
NOT_THE_SAME = (
    "Memory that is held and memory that suffices are not the same quantity; the paper's Figure 5 "
    "also shows them together."
)
EMULATED = (
    "Emulated in software, in place of hardware that this machine does not have: this is no "
    "measure of virtualization."
)
