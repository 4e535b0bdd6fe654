# SPDX-License-Identifier: Apache-2.0
"""Try the platforms of a configuration, given as JSON, and print what each lacks."""

import json
import sys

from featherbench.config.loading import validate
from featherbench.jobs import try_out
from featherbench.planning.plan import make_plan
from featherbench.planning.resolve import resolve
from featherbench.testbed.reservation import release_testbed

resolved = resolve(validate(json.loads(sys.argv[1]), file="test"), file="test")
try:
    tried = try_out.missing(resolved, may_try=True)
    plan = make_plan(resolved, tried)
finally:
    release_testbed()
lacking = {
    platform.name: [f"{lack.what} / {lack.remedy}" for lack in platform.missing_requirements]
    for platform in plan.platforms
}
sys.stdout.write(json.dumps(lacking))
