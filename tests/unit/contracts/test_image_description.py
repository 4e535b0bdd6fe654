# SPDX-License-Identifier: Apache-2.0
"""What a description may contain."""

import pytest
from pydantic import ValidationError

from featherbench.contracts.image_description import Description


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"arguments": "--ip ${adress}"}, "adress"),
        ({"arguments": "costs 5$"}, r"\$"),
        ({"boot": "disk"}, "no disks"),
        ({"boot": "disk", "kernel": "/k", "disks": [{}]}, "without a kernel"),
        ({"boot": "disk", "disks": [{}], "backend": "solo5-spt"}, "cannot boot from a disk"),
        ({"kernel": "/k", "make": {"command": ["a"], "version": ["b"]}}, "or `make`"),
        ({"console": {"failure": ["("]}}, "no regular expression"),
        ({"memory_mib": 0}, "greater than or equal to 1"),
        ({"machine": "pc -daemonize"}, "pattern"),
        ({"nic": {"model": "e1000,netdev=other"}}, "pattern"),
        ({"disks": [{"format": "vmdk"}]}, "raw"),
        ({"sha256": "abc"}, "pattern"),
        ({"backend": "xl", "accepted_exits": [0]}, "no exit status"),
        ({"no_such_key": 1}, "not permitted"),
    ],
)
def test_invalid_keys_are_refused(keys, complaint):
    with pytest.raises(ValidationError, match=complaint):
        Description.model_validate(keys)


def test_an_image_may_have_little_memory():
    assert Description(memory_mib=2).memory_mib == 2


def test_every_placeholder_is_filled_once_and_a_dollar_stays():
    told = Description(arguments="${address}/${prefix},, $${x}").filled_arguments(
        {"address": "198.18.2.2", "prefix": "25"}
    )
    assert told == "198.18.2.2/25,, ${x}"
