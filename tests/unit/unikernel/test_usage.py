# SPDX-License-Identifier: Apache-2.0
"""What one has used that may end by itself, and does so while it is asked."""

from dataclasses import replace

import pytest

from featherbench import registry
from featherbench.errors import InstanceDiedError
from featherbench.records.instance import Endpoint, Instance
from featherbench.unikernels.image_description import Description
from featherbench.unikernels.technology import GONE


class EndsMeanwhile:
    """A runner whose guest lives when its number is asked for, and is gone a moment later."""

    def number_of(self, _):
        return 7

    def ended_with(self, _):
        return 0

    def usage(self, _):
        raise InstanceDiedError("its process is gone")


@pytest.fixture
def usage_of():
    def ask(accepted_exits):
        wanted = Description(accepted_exits=accepted_exits)
        handle = {"number": 7, "name": "x", "description": wanted.model_dump(mode="json")}
        at = Endpoint(address="198.18.2.2", port=0, ping_address="198.18.2.2")
        instance = Instance(
            id="abc",
            technology="osv",
            service="startup",
            handle=handle,
            endpoint=at,
            started_utc="",
        )
        return replace(registry.load("technologies", "osv"), runner=EndsMeanwhile()).usage(instance)

    return ask


def test_an_end_that_is_allowed_leaves_nothing_to_be_told(usage_of):
    assert usage_of([0]).source == GONE


def test_any_other_end_is_an_error(usage_of):
    with pytest.raises(InstanceDiedError):
        usage_of([1])
