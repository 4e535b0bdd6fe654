# SPDX-License-Identifier: Apache-2.0
"""The specs of jobs, and their files: an added row changes nothing in those of other rows."""

import itertools

import pytest

from featherbench import registry
from featherbench.planning.code_digest import closure
from featherbench.planning.job_specs import JobSpecs, SpecParam, spec_json
from featherbench.planning.plan import make_plan
from featherbench.records.load_point import LoadPoint

FIRST = ["linux-native", "docker-native"]
ADDED = [
    *("lxd-native", "linux-kvm", "docker-kvm", "lxd-kvm"),
    *("linux-tcg", "docker-tcg", "lxd-tcg"),
    *("linux-xen", "docker-xen", "lxd-xen", "linux-xentcg"),
]
WORKLOADS = ["http", "kv", "startup", "image_size", "latency", "memory"]


def all_jobs(specs, platforms):
    """Return the specs of all jobs of some platforms, by job."""
    jobs = {}
    for platform, workload in itertools.product(platforms, WORKLOADS):
        names = {"platform": platform, "workload": workload, "deployment": 1}
        for script in ("deploy", "warmup"):
            jobs[script, platform, workload] = spec_json(specs.deployment(script, **names))
        jobs["measure", platform, workload] = spec_json(
            specs.cell(**names, load_point=LoadPoint("c1"))
        )
        for owner, service in specs.images_of(platform, workload):
            jobs["build_image", owner, service] = spec_json(specs.image(owner, service))
            jobs["root file systems", owner] = specs.root_filesystems_of(owner)
    jobs["root_filesystem"] = spec_json(specs.root_filesystem())
    return jobs


@pytest.mark.parametrize("row", ADDED)
def test_an_added_row_measures_nothing_of_the_others_again(specs_of, row):
    assert all_jobs(specs_of([*FIRST, row]), FIRST) == all_jobs(specs_of(FIRST), FIRST)


def test_rows_of_guests_measure_nothing_of_each_other_again(specs_of):
    few = ["linux-native", "linux-tcg"]
    assert all_jobs(specs_of([*FIRST, *ADDED]), few) == all_jobs(specs_of(few), few)


def test_the_settings_of_a_hypervisor_concern_only_its_own_platforms(specs_of):
    platforms = ["linux-native", "linux-tcg", "linux-xen", "rumprun-xen"]
    others = platforms[:2]
    dom0 = {"dom0": "root@xenhost", "bridge": "xenbr1", "link": "eth1"}
    before, after = specs_of(platforms), specs_of(platforms, hypervisors={"xen": dom0})
    assert all_jobs(before, others) == all_jobs(after, others)
    changed = all_jobs(after, ["linux-xen"])["measure", "linux-xen", "http"]
    assert "root@xenhost" in changed
    assert changed != all_jobs(before, ["linux-xen"])["measure", "linux-xen", "http"]


def test_the_addresses_of_guests_concern_guests_alone_and_none_of_their_images(specs_of):
    moved = specs_of([*FIRST, *ADDED], testbed={"guest_subnet": "198.18.9.0/24"})
    before = specs_of([*FIRST, *ADDED])
    no_guests = [*FIRST, "lxd-native"]
    assert all_jobs(moved, no_guests) == all_jobs(before, no_guests)
    guests = ["linux-tcg", "docker-tcg"]
    changed, unchanged = all_jobs(moved, guests), all_jobs(before, guests)
    assert changed["measure", "linux-tcg", "http"] != unchanged["measure", "linux-tcg", "http"]
    images = [job for job in unchanged if job[0] == "build_image"]
    assert len(images) == 6
    assert all(changed[image] == unchanged[image] for image in images)


def test_a_unikernel_that_is_a_plain_process_has_a_guests_address_too(specs_of):
    platforms = ["linux-native", "mirageos-native"]
    specs, names = specs_of(platforms), {"workload": "http", "deployment": 1}
    deployments = [specs.deployment("deploy", platform=name, **names) for name in platforms]
    assert [spec.testbed.guest_subnet for spec in deployments] == ["", "198.18.2.0/24"]


def test_guests_of_both_accelerators_share_their_images(specs_of):
    specs = specs_of(ADDED, baseline="lxd-native")
    for technology in ("linux", "docker", "lxd"):
        owners = [
            specs.images_of(f"{technology}-{hypervisor}", "http") for hypervisor in ("kvm", "tcg")
        ]
        assert owners == [[(f"{technology}-guest", "http")]] * 2


def test_a_users_image_belongs_to_its_platform_and_not_to_a_family(unikernel, kernel):
    config = unikernel("mirageos-tcg", http=kernel)
    specs = JobSpecs(config, make_plan(config))
    assert specs.images_of("mirageos-tcg", "http") == [("mirageos-tcg", "http")]
    spec = specs.image("mirageos-tcg", "http")
    assert spec.hypervisor == "tcg"
    assert spec.build_inputs["description"]["kernel"] == kernel["kernel"]
    assert specs.root_filesystems_of("mirageos-tcg") == ()


def test_an_image_depends_on_the_settings_that_its_files_depend_on(specs_of):
    def image(**settings):
        return specs_of(FIRST, workloads={"http": {"settings": settings}}).image("docker", "http")

    assert image(window_s=3.0) == image()
    assert image(file_bytes=2000) != image()


def test_an_interim_look_has_the_levels_and_the_rule_and_no_cell_has_them(specs_of):
    def specs(**rule):
        repetitions = {"target_ci_percent": 2, "windows": 1, **rule}
        return specs_of(FIRST, workloads={"http": {"repetitions": repetitions}})

    names = {"platform": FIRST[0], "workload": "http", "deployment": 10}
    assert specs().interim_look(**names).load_points == ("c1", "c100")
    assert specs(max=40).interim_look(**names) != specs().interim_look(**names)
    cell = {**names, "load_point": LoadPoint("c1")}
    assert specs(max=40).cell(**cell) == specs().cell(**cell)


@pytest.mark.parametrize("technology", ["linux", "docker"])
@pytest.mark.parametrize("word", ["lxd", "guest", "kvm", "tcg"])
def test_no_driver_knows_of_the_added_ones(technology, word):
    files = closure([registry.driver_files("technologies")[technology]])
    names = {str(file.relative_to(registry.PACKAGE)) for file in files}
    assert not [name for name in names if word in name.split("/") or f"{word}.py" in name]


JOB = "measure/a-native/http/d1/c1"
FILE = f"results/specs/{JOB}.json"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def param(content, *, dry_run=False):
    return SpecParam(content, job=JOB, dry_run=dry_run)


def test_snakemake_compares_it_as_the_text_itself():
    assert isinstance(param("{}"), str)
    assert repr(param('{"a":1}')) == repr('{"a":1}')
    assert f"{param('{}')}" == "{}"


def test_a_command_with_it_writes_the_file_and_names_it(folder):
    assert f"--spec {param('{1}'):file}" == f"--spec {FILE}"
    assert (folder / FILE).read_text() == "{1}"


def test_the_file_of_a_killed_run_is_replaced_and_the_same_content_is_kept(folder):
    command = "{:file}"
    command.format(param("{1}"))
    before = (folder / FILE).stat().st_mtime_ns
    command.format(param("{1}"))
    assert (folder / FILE).stat().st_mtime_ns == before
    command.format(param("{2}"))
    assert (folder / FILE).read_text() == "{2}"


def test_a_dry_run_names_the_file_and_writes_nothing(folder):
    assert f"{param('{1}', dry_run=True):file}" == FILE
    assert list(folder.iterdir()) == []
