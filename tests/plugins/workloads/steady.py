# SPDX-License-Identifier: Apache-2.0
"""A workload for tests with known figures: it starts nothing, and takes no time.

Its deployments give 99 and 101 in turns: the interval of eight to ten is about 1 % to either side.
"""

from featherbench.contracts import workload
from featherbench.measuring.window import Moment, build_window
from featherbench.records.cell import Metric

FIGURES = (99.0, 101.0)
STEADINESS = Metric(
    name="steadiness", service="startup", aspect="steadiness", unit="units", better="higher"
)


class Workload(workload.Workload):
    services = ("startup",)
    uses_lease = False

    def metrics(self, settings):
        return (STEADINESS,)

    def measure(self, bench, load, windows):
        value = FIGURES[bench.coordinates.deployment % len(FIGURES)]
        return [
            build_window(STEADINESS, value, index=index, started=Moment.now(), duration_s=0.0)
            for index in range(1, windows + 1)
        ]

    def nominal_duration_s(self, settings, windows, platform):
        return 0.01 * windows
