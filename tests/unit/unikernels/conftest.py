# SPDX-License-Identifier: Apache-2.0
"""A request to start a user's image, of a description with the keys that a test gives."""

from pathlib import Path

import pytest

from featherbench.contracts.image_description import Description
from featherbench.contracts.vm_runner import ImageBoot, VmRequest


@pytest.fixture
def request_of():
    def make(*, arguments="", memory_mib=64, **keys):
        keys = {"kernel": "/images/kernel", **keys}
        if keys.get("boot") == "disk":
            keys.pop("kernel")
        description = Description.model_validate(keys)
        boot = ImageBoot(
            description=description,
            kernel=description.kernel,
            arguments=arguments,
            mac="52:54:00:01:02:03",
        )
        return VmRequest(
            instance_id="abc",
            state="/run/featherbench",
            cpus=(2, 3),
            memory_mib=memory_mib,
            console=Path("/logs/abc.log"),
            boot=boot,
        )

    return make
