# SPDX-License-Identifier: Apache-2.0
"""A row that is added to the matrix changes nothing of what the other rows' jobs are told."""

import itertools
import re

import pytest

from featherbench import registry
from featherbench.config.loading import validate
from featherbench.errors import ConfigError
from featherbench.planning.code_digest import closure
from featherbench.planning.matrix import Matrix, spec_json

FIRST = ["linux-native", "docker-native"]
ADDED = [
    *("lxd-native", "linux-kvm", "docker-kvm", "lxd-kvm"),
    *("linux-tcg", "docker-tcg", "lxd-tcg"),
    *("linux-xen", "docker-xen", "lxd-xen", "linux-xentcg"),
]
WORKLOADS = ["http", "kv", "startup", "image_size", "latency", "memory"]


def matrix(platforms, **more):
    content = {"platforms": platforms, "workloads": dict.fromkeys(WORKLOADS), **more}
    return Matrix(validate(content, file="c.yaml"), file="c.yaml")


def told(asked, platforms):
    """Everything that the jobs of some platforms are told, by job."""
    jobs = {}
    for platform, workload in itertools.product(platforms, WORKLOADS):
        where = {"platform": platform, "workload": workload, "deployment": 1}
        for script in ("deploy", "warmup"):
            jobs[script, platform, workload] = spec_json(asked.deploy_spec(script, **where))
        jobs["measure", platform, workload] = spec_json(asked.measure_spec(**where, concurrency=1))
        for owner, service in asked.images_of(platform, workload):
            jobs["build_image", owner, service] = spec_json(asked.image_spec(owner, service))
            jobs["roots", owner] = asked.root_filesystems(owner)
    jobs["root_filesystem"] = spec_json(asked.root_filesystem_spec())
    return jobs


@pytest.mark.parametrize("row", ADDED)
def test_an_added_row_measures_nothing_of_the_others_again(row):
    assert told(matrix([*FIRST, row]), FIRST) == told(matrix(FIRST), FIRST)


def test_rows_of_guests_measure_nothing_of_each_other_again():
    few = ["linux-native", "linux-tcg"]
    assert told(matrix([*FIRST, *ADDED]), few) == told(matrix(few), few)


def test_what_is_set_of_a_host_concerns_its_own_platforms_alone():
    asked = ["linux-native", "linux-tcg", "linux-xen", "rumprun-xen"]
    others = asked[:2]
    dom0 = {"dom0": "root@xenhost", "bridge": "xenbr1", "link": "eth1"}
    before, after = matrix(asked), matrix(asked, hypervisors={"xen": dom0})
    assert told(before, others) == told(after, others)
    changed = told(after, ["linux-xen"])["measure", "linux-xen", "http"]
    assert "root@xenhost" in changed
    assert changed != told(before, ["linux-xen"])["measure", "linux-xen", "http"]


@pytest.mark.parametrize(
    ("hypervisors", "said"),
    [
        ({"xne": {}}, "'hypervisors' names 'xne'"),
        ({"xen": {"dom1": "x"}}, "there is no key 'hypervisors.xen.dom1'"),
        ({"xen": {"dom0": "x"}}, "go together"),
        ({"tcg": {"dom0": "x"}}, "there is no key 'hypervisors.tcg.dom0'"),
    ],
)
def test_a_mistake_in_what_is_set_of_a_host_is_one_of_the_configurations(hypervisors, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        assert matrix([*FIRST, "linux-xen", "linux-tcg"], hypervisors=hypervisors).plan


def test_the_addresses_of_guests_concern_guests_alone_and_none_of_their_images():
    moved = matrix([*FIRST, *ADDED], testbed={"guest_subnet": "198.18.9.0/24"})
    before = matrix([*FIRST, *ADDED])
    assert told(moved, [*FIRST, "lxd-native"]) == told(before, [*FIRST, "lxd-native"])
    guests = ["linux-tcg", "docker-tcg"]
    changed, unchanged = told(moved, guests), told(before, guests)
    assert changed["measure", "linux-tcg", "http"] != unchanged["measure", "linux-tcg", "http"]
    images = [job for job in unchanged if job[0] == "build_image"]
    assert len(images) == 6
    assert all(changed[image] == unchanged[image] for image in images)


def test_a_unikernel_that_is_a_plain_process_has_a_guests_address_too():
    asked = matrix(["linux-native", "mirageos-native"])
    where = {"workload": "http", "deployment": 1}
    specs = [asked.deploy_spec("deploy", platform=name, **where) for name in asked.platforms]
    assert [spec.testbed.guest_subnet for spec in specs] == ["", "198.18.2.0/24"]


def test_guests_of_both_accelerators_share_their_images():
    both = matrix(ADDED, baseline="lxd-native")
    for technology in ("linux", "docker", "lxd"):
        owners = [
            both.images_of(f"{technology}-{hypervisor}", "http") for hypervisor in ("kvm", "tcg")
        ]
        assert owners == [[(f"{technology}-guest", "http")]] * 2


def code_of(kind, name):
    package = registry.PACKAGE
    return {file.relative_to(package) for file in closure([registry.driver_files(kind)[name]])}


@pytest.mark.parametrize("technology", ["linux", "docker"])
@pytest.mark.parametrize("word", ["lxd", "guest", "kvm", "tcg"])
def test_no_driver_knows_of_the_added_ones(technology, word):
    names = {str(file) for file in code_of("technologies", technology)}
    assert not [name for name in names if word in name.split("/") or f"{word}.py" in name]


def test_the_plan_says_what_tables_and_figures_must_keep_apart():
    planned = {one.name: one for one in matrix([*FIRST, *ADDED]).plan.platforms}
    assert {name for name, one in planned.items() if one.emulated} == {
        *("linux-tcg", "docker-tcg", "lxd-tcg", "linux-xentcg")
    }
    fixed = {name for name, one in planned.items() if one.fixed_memory}
    assert fixed == {"linux-kvm", "linux-tcg", "linux-xen", "linux-xentcg"}


def test_the_plan_names_the_root_file_systems_that_images_wait_for():
    planned = {one.name: one for one in matrix([*FIRST, *ADDED]).plan.platforms}
    assert planned["docker-native"].derived_root_filesystems == ()
    assert planned["linux-kvm"].derived_root_filesystems[-1] == "guest"
    assert (
        planned["lxd-native"].derived_root_filesystems
        == planned["linux-tcg"].derived_root_filesystems[:1]
        != ()
    )
