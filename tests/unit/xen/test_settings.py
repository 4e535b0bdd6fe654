# SPDX-License-Identifier: Apache-2.0
"""How dom0 is configured."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from featherbench.system.machine import LOCAL
from featherbench.xen.settings import Dom0Settings

ELSEWHERE = Dom0Settings(dom0="root@xenhost", bridge="xenbr1", link="lo")


def test_without_settings_this_machine_is_dom0():
    assert Dom0Settings().machine == LOCAL
    assert Dom0Settings().machine.description == "dom0 (this machine)"


def test_another_dom0_is_described_with_the_remedy():
    dom0 = ELSEWHERE.machine
    assert (dom0.destination, dom0.description) == ("root@xenhost", "dom0 (root@xenhost)")
    assert "BatchMode=yes root@xenhost xl info" in dom0.remedy


def test_a_configuration_for_ssh_is_found_from_any_folder():
    given = {**ELSEWHERE.model_dump(), "ssh_config": "keys/config"}
    assert Dom0Settings.model_validate(given).ssh_config == str(Path.cwd() / "keys/config")


def test_another_dom0_is_reached_by_a_bridge_and_a_link():
    whole = {"dom0": "root@xenhost", "bridge": "xenbr1", "link": "enp3s0"}
    assert Dom0Settings.model_validate(whole).dom0 == "root@xenhost"
    for missing in whole:
        with pytest.raises(ValidationError, match="go together"):
            Dom0Settings.model_validate({k: v for k, v in whole.items() if k != missing})


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "a b", "x;y"])
def test_a_name_cannot_be_an_option(name):
    with pytest.raises(ValidationError):
        Dom0Settings(dom0=name, bridge="b", link="l")
