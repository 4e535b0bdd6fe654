# SPDX-License-Identifier: Apache-2.0
"""The output of xl is parsed, and its configuration is written; a stand-in records commands."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from featherbench.errors import CommandError, InstanceDiedError, InstanceError
from featherbench.system import subprocesses
from featherbench.xen import xl

CAPTURED = Path(__file__).parents[2] / "data/xen"


@dataclass
class Dom0:
    """Answers by the first words of what it is asked; what it knows no answer to fails."""

    answers: dict
    asked: list = field(default_factory=list)
    started: list = field(default_factory=list)
    description = "dom0"

    def start(self, argv, *, output):
        self.started.append((argv, output))

    def run(self, argv, *, check=True, **_):
        self.asked.append(tuple(argv))
        said = self.answers.get(tuple(argv[:2]))
        if said is None and check:
            raise CommandError(argv, "ended with status 1 in dom0", "libxl: error: no memory")
        return subprocesses.Completed(
            argv=tuple(argv),
            exit_status=0 if said is not None else 1,
            stdout=said or "",
            stderr="" if said is not None else "never is an invalid domain identifier (rc=-6)",
            duration_s=0.0,
            cpu_s=0.0,
        )


@pytest.fixture
def ours():
    return xl.Xl(dom0=Dom0(answers={("xl", "list"): (CAPTURED / "list.txt").read_text()}))


def test_a_list_is_parsed_by_name():
    found = xl.parse_list((CAPTURED / "list.txt").read_text())
    assert found["Domain-0"].state == "running"
    one = found["featherbench-abc"]
    assert (one.number, one.memory_mib, one.cpu_s, one.state) == (3, 192, 4.2, "running")
    assert found["featherbench-gone"].state == "crashed"


@pytest.mark.parametrize(
    ("letters", "state"),
    [
        ("r-----", "running"),
        ("-b----", "running"),
        ("------", "running"),
        ("--p---", "paused"),
        ("---s--", "shut down"),
        ("---sc-", "crashed"),
        ("--ps-d", "dying"),
    ],
)
def test_the_gravest_letter_is_the_state(letters, state):
    assert xl.parse_state(letters) == state


def test_the_info_is_parsed_by_name():
    info = xl.parse_info((CAPTURED / "info.txt").read_text())
    assert info["xen_version"] == "4.17.7"
    assert info["virt_caps"] == "pv hvm hap gnttab-v1 gnttab-v2"


def test_usage_is_what_xen_accounts_and_unknown_of_a_domain_that_is_gone(ours):
    usage = ours.usage("abc")
    assert (usage.cpu_s, usage.memory_current_bytes) == (4.2, 192 << 20)
    assert usage.memory_peak_bytes is None
    assert "without what dom0 does" in usage.source
    assert ours.listed("never") is None
    for name in ("never", "gone"):  # the latter has crashed, and is kept
        with pytest.raises(InstanceDiedError, match=f"featherbench-{name} has ended"):
            ours.usage(name)


def test_a_failure_of_xl_does_not_mean_that_a_domain_is_gone(ours, monkeypatch):
    def fails(argv, **_):
        done = {"stdout": "", "stderr": "cannot open /dev/xen/privcmd", "exit_status": 1}
        return subprocesses.Completed(argv=tuple(argv), duration_s=0.0, cpu_s=0.0, **done)

    monkeypatch.setattr(ours.dom0, "run", fails)
    with pytest.raises(InstanceError, match="privcmd"):
        ours.listed("abc")


def test_a_refusal_quotes_xl():
    with pytest.raises(InstanceError, match="no memory") as refused:
        xl.Xl(dom0=Dom0(answers={})).create("abc", Path("/d/domain.cfg"), {})
    assert "xl dmesg" in refused.value.remedy


def test_xenstore_is_written_before_a_domain_runs(ours):
    ours.dom0.answers["xl", "unpause"] = ours.dom0.answers["sh", "-s"] = ""
    key = "/local/domain/3/rumprun/cfg"
    ours.dom0.answers["xenstore-write", key] = ""
    ours.create("abc", Path("/d/domain.cfg"), {"rumprun/cfg": "{, }"})
    assert ours.dom0.asked == [
        ("sh", "-s", "--", "/d", "/d/domain.cfg", "-p"),
        ("xl", "list", "featherbench-abc"),
        ("xenstore-write", key, "{, }"),
        ("xl", "unpause", "featherbench-abc"),
    ]


def test_a_machine_without_xen_is_an_error():
    with pytest.raises(InstanceError, match="Xen in dom0 does not answer"):
        xl.Xl(dom0=Dom0(answers={})).info()


def test_the_console_is_read_from_the_terminal_that_xen_made(ours, tmp_path):
    ours.dom0.answers["xenstore-read", "/local/domain/3/console/tty"] = "/dev/pts/7\n"
    ours.record_console("abc", tmp_path / "c.log")
    assert ours.dom0.started == [(["cat", "/dev/pts/7"], tmp_path / "c.log")]


def test_a_domain_without_a_console_is_an_error_with_a_remedy(ours, monkeypatch, tmp_path):
    monkeypatch.setattr(xl, "CONSOLE_WITHIN_S", 0.0)
    with pytest.raises(InstanceError, match="makes no console for the domain") as failed:
        ours.record_console("abc", tmp_path / "c.log")
    assert "xenconsoled" in failed.value.remedy


DOMAIN = xl.Domain(
    instance_id="abc",
    mode="pvh",
    kernel=Path("/images/vmlinuz"),
    ramdisk=Path("/images/initrd.img"),
    cmdline="console=hvc0 quiet",
    memory_mib=256,
    vcpus=2,
    cpus="2-3",
    disks=(
        xl.Disk(source=Path("/dev/mapper/featherbench-abc-0"), name="xvda", readonly=False),
        xl.Disk(source=Path("/dev/loop3"), name="xvdb", readonly=True),
    ),
    bridge="fb-guest0",
    mac="52:54:00:aa:bb:cc",
)


def test_a_complete_domain_is_written():
    assert xl.xl_config(DOMAIN) == (CAPTURED / "domain.cfg").read_text()


def test_absent_parts_are_not_written():
    bare = xl.xl_config(replace(DOMAIN, ramdisk=None, cpus="", disks=()))
    assert "ramdisk" not in bare
    assert "cpus = " not in bare.replace("vcpus = ", "")
    assert "disk = [  ]" in bare


@pytest.mark.parametrize(
    ("text", "written"), [('a "b"', '"a \\"b\\""'), ("a\\b", '"a\\\\b"'), ("{, }", '"{, }"')]
)
def test_strings_are_quoted_literally(text, written):
    assert xl.quoted(text) == written
