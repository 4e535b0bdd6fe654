# SPDX-License-Identifier: Apache-2.0
"""A guest that is ready to be started, of a description with whatever keys a test gives."""

from pathlib import Path

import pytest

from featherbench.unikernels.guest_spec import Guest
from featherbench.unikernels.image_description import Description


@pytest.fixture
def guest_of():
    def make(*, accelerator="tcg", arguments="", vhost=False, memory_mib=64, **keys):
        keys = {"kernel": "/images/kernel", **keys}
        if keys.get("boot") == "disk":
            keys.pop("kernel")
        description = Description.model_validate(keys)
        return Guest(
            instance_id="abc",
            description=description,
            accelerator=accelerator,
            kernel=description.kernel,
            arguments=arguments,
            memory_mib=memory_mib,
            tap="fb-u1",
            mac="52:54:00:01:02:03",
            vhost=vhost,
            console=Path("/logs/abc.log"),
        )

    return make
