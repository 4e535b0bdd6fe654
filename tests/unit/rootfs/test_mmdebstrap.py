# SPDX-License-Identifier: Apache-2.0
"""The mmdebstrap command, the machine's sources of packages, and the error when it fails."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from builders import DATA, captured
from featherbench.errors import CommandError, ImageError
from featherbench.rootfs import mmdebstrap
from featherbench.system import subprocesses

REFUSED = "Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)"
CUSTOMIZATION = mmdebstrap.Customization(options=("--variant=minbase",), hooks=("copy-in x /",))


def command(sources):
    return mmdebstrap.command(
        "bookworm",
        tar=Path("/w/root.tar"),
        sources=sources,
        keyrings=Path("/w/keys"),
        customization=CUSTOMIZATION,
    )


def test_the_command_names_the_suite_the_archive_and_the_sources():
    argv = command(Path("/w/a.list"))
    assert argv[-3:] == ["bookworm", "/w/root.tar", "/w/a.list"]
    assert "--variant=minbase" in argv
    hooks = [word for word in argv if word.startswith("--customize-hook=")]
    assert hooks[0] == "--customize-hook=copy-in x /", "before the cleanup"


def test_without_sources_mmdebstrap_uses_its_own_with_the_collected_keys():
    argv = command(None)
    assert argv[-2:] == ["bookworm", "/w/root.tar"]
    assert "--keyring=/w/keys" in argv


@pytest.mark.parametrize(
    ("output", "remedy"),
    captured("messages/mmdebstrap"),
)
def test_a_failed_build_has_a_remedy(tmp_path, monkeypatch, output, remedy):
    monkeypatch.setattr(mmdebstrap, "proxies", dict)

    def fail(argv, **_):
        raise CommandError(argv, "ended with status 25", output)

    monkeypatch.setattr(mmdebstrap, "run_logged", fail)
    with pytest.raises(ImageError, match="the base cannot be built") as failed:
        mmdebstrap.build([], what="the base", log=tmp_path / "root.log", temporary=tmp_path)
    assert remedy in failed.value.remedy


def test_the_error_of_a_build_names_its_proxy_without_the_password(tmp_path, monkeypatch):
    proxies = {"http_proxy": "http://me:secret@proxy.test:3128", "no_proxy": "a.test"}
    monkeypatch.setattr(mmdebstrap, "proxies", lambda: proxies)
    remedy = mmdebstrap._remedy(f"E: Failed to fetch http://m/x  {REFUSED}", tmp_path)
    assert "check the proxy http://proxy.test:3128 " in remedy


APT_CONFIG, ONE_LINE, DEB822 = (
    (DATA / "apt" / name).read_text() for name in ("apt_config", "sources.list", "debian.sources")
)
BY_APT = {
    "http_proxy": "http://proxy.test:3128/",
    "https_proxy": "http://proxy.test:3128/",
    "no_proxy": "local.test",
}


@pytest.mark.parametrize(
    ("apt", "shell", "expected"),
    [
        (APT_CONFIG, {}, BY_APT),
        (APT_CONFIG, {"http_proxy": "http://other.test"}, BY_APT),
        (
            "",
            {"HTTPS_PROXY": "http://other.test", "no_proxy": "a"},
            {"http_proxy": "", "https_proxy": "http://other.test", "no_proxy": "a"},
        ),
        (
            'Acquire::http::Proxy-Auto-Detect "/usr/bin/auto-apt-proxy";\n',
            {},
            {"http_proxy": "http://found.test:3142", "https_proxy": "", "no_proxy": ""},
        ),
        (
            'Acquire::http::Proxy "DIRECT";\nAcquire::https::Proxy "http://s.test";\n',
            {"http_proxy": "http://other.test", "no_proxy": "a"},
            {"http_proxy": "", "https_proxy": "http://s.test", "no_proxy": "a"},
        ),
    ],
)
def test_a_build_uses_the_proxy_of_apt_or_of_the_shell(monkeypatch, apt, shell, expected):
    for name in mmdebstrap.PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    answers = {"apt-config": apt, "/usr/bin/auto-apt-proxy": "http://found.test:3142\n"}
    monkeypatch.setattr(
        mmdebstrap.subprocesses, "run", lambda argv, **_: SimpleNamespace(stdout=answers[argv[0]])
    )
    assert mmdebstrap.proxies() == expected


def test_a_failed_build_is_told_in_its_own_words(tmp_path):
    log = tmp_path / "job.log"
    handler = logging.FileHandler(log)
    subprocesses.log.addHandler(handler)
    subprocesses.log.setLevel(logging.DEBUG)
    try:
        with pytest.raises(CommandError, match=r"status 25\n  its output: E: no such suite$"):
            mmdebstrap.run_logged(
                ["sh", "-c", "echo 'E: no such suite'; exit 25"], log=log, temporary=tmp_path
            )
    finally:
        subprocesses.log.removeHandler(handler)
        subprocesses.log.setLevel(logging.NOTSET)


KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def source(suite, *, uri="http://mirror.test/debian", components=("main",), signed_by=KEYRING):
    return mmdebstrap.Source(uri=uri, suite=suite, components=components, signed_by=signed_by)


def test_one_line_sources():
    assert list(mmdebstrap.parse_one_line(ONE_LINE)) == [
        source("bookworm", components=("main", "contrib")),
        source("bookworm-security", uri="http://mirror.test/debian-security", signed_by=""),
    ]


def test_deb822_sources_give_one_for_each_suite_and_skip_what_is_off():
    assert list(mmdebstrap.parse_deb822(DEB822)) == [source("bookworm"), source("bookworm-updates")]


def test_an_embedded_key_is_no_keyring_of_debians():
    text = DEB822.partition("Signed-By")[0] + "Signed-By:\n -----BEGIN PGP-----\n .\n mQ\n"
    assert mmdebstrap.sources_of_suite("bookworm", mmdebstrap.parse_deb822(text)) == ()


def test_sources_are_written_as_mmdebstrap_reads_them():
    assert str(source("bookworm")) == (
        f"deb [signed-by={KEYRING}] http://mirror.test/debian bookworm main"
    )
    assert list(mmdebstrap.parse_one_line(str(source("bookworm")))) == [source("bookworm")]


def test_all_files_of_the_machine_are_read_if_there_are_any(tmp_path):
    assert list(mmdebstrap.machine_sources(tmp_path)) == []
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://a.test/debian bookworm main\n")
    (tmp_path / "sources.list.d/b.list").write_text("deb http://b.test/debian bookworm main\n")
    (tmp_path / "sources.list.d/c.sources").write_text(DEB822)
    uris = {source.uri for source in mmdebstrap.machine_sources(tmp_path)}
    assert uris == {"http://a.test/debian", "http://b.test/debian", "http://mirror.test/debian"}


def test_only_debians_own_sources_of_the_release_are_chosen():
    debian = [source("bookworm"), source("bookworm-updates"), source("bookworm-security")]
    others = [
        source("bookworm", uri="http://others.test", signed_by="/usr/share/keyrings/others.gpg"),
        source("bookworm", uri="http://docker.test", components=("stable",)),
        source("trixie"),
    ]
    assert list(mmdebstrap.sources_of_suite("bookworm", debian + others)) == debian
    of_another_release = [source("trixie"), source("bookworm-updates")]
    assert mmdebstrap.sources_of_suite("bookworm", of_another_release) == ()


def test_installed_versions_leave_out_removed_packages():
    status = (DATA / "apt/dpkg_status").read_text()
    assert mmdebstrap.installed_versions(status) == {"redis-server": "5:7.0.15-1~deb12u10"}
