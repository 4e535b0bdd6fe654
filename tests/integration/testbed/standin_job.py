# SPDX-License-Identifier: Apache-2.0
"""A job as `measure` is one: it starts an instance on the fake platform, leases it, loads it.

    standin_job.py client= image= plugin_folder= folder= load= wait_s= leased=

client is `netns` or `loopback`; the job appends to the journal in the folder what it does, and
beside how many instances. With leased=no it holds its instance as `memory` and `startup` do.
"""

import sys
import uuid
from pathlib import Path

from featherbench import registry
from featherbench.contracts.technology import StartRequest
from featherbench.errors import FeatherbenchError
from featherbench.records.instance import Image
from featherbench.records.job_specs import TestbedSpec
from featherbench.records.tuning import Tuning
from featherbench.services import launcher
from featherbench.testbed import lease
from featherbench.testbed.lease import Lease
from featherbench.testbed.session import session

TUNING = Tuning(
    net_sysctls={"net.core.somaxconn": "1021", "net.ipv4.tcp_keepalive_time": "61"},
    nofile=1024,
    file_max=None,
)


def start(technology, image, testbed, folder):
    return technology.start(
        StartRequest(
            instance_id=uuid.uuid4().hex[:12],
            service="http",
            image=image,
            command=launcher.serve_command("http"),
            port=18_099,
            network="host",
            settings=technology.Settings(),
            tuning=testbed.tuning,
            placement=testbed.placement,
            log=folder / "instance.log",
        )
    )


def count(technology, testbed):
    """Count the instances of this testbed."""
    return sum(each.state == str(testbed.placement.state) for each in technology.leftovers())


def main(*, client, image, plugin_folder, folder, load, wait_s, leased):
    folder = Path(folder)
    technology = registry.load("technologies", "fake", [plugin_folder])
    with (
        (folder / "journal").open("a", buffering=1) as journal,
        session(
            TestbedSpec(client=client),
            TUNING,
            what="stand-in",
            sequence_file=folder / "sequence",
            wait_s=float(wait_s),
        ) as testbed,
    ):
        journal.write(f"{testbed.sequence} begins\n")
        lease.release()
        if others := count(technology, testbed):
            journal.write(f"{testbed.sequence} finds {others}\n")
        instance = start(technology, Image.read(Path(image)), testbed, folder)
        held = Lease(
            deployment_id="d",
            instance=instance,
            technology="fake",
            hypervisor="native",
            plugins=(plugin_folder,),
        )
        if leased == "yes":
            lease.store(held)
        testbed.client.run(["sh", "-c", load], timeout_s=60)
        if leased == "no":
            technology.stop(instance)
        journal.write(f"{testbed.sequence} ends\n")


if __name__ == "__main__":
    try:
        main(**dict(argument.split("=", 1) for argument in sys.argv[1:]))
    except FeatherbenchError as error:
        sys.exit(f"{type(error).__name__}: {error}")
