"""The Debian root: where its packages come from, and what is said where it cannot be made."""

import os
import shutil
import tarfile
from pathlib import Path

import pytest

from harness.artifacts import debian
from harness.artifacts.progress import Bench
from harness.model import MachineError
from harness.phases import Phases
from harness.shell import Outcome, ScriptedShell
from harness.tools.apt import Apt, Source
from harness.tools.debootstrap import Debootstrap

SOURCES = """\
Other|stable|main|http://other/apt/
Debian|trixie-updates|main|http://mirror/debian/
Debian|trixie|contrib|http://mirror/contrib/
Debian|trixie|main|http://mirror/debian/
Debian|trixie|main|cdrom://disk/
"""
ASKED = (
    *("apt-get", "indextargets", "--format", "$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)"),
    "Created-By: Packages",
)


def sources(text: str) -> list[Source]:
    return Apt(ScriptedShell({ASKED: Outcome(ASKED, 0, text, "")})).sources()


def test_the_mirror_is_the_one_that_apt_uses() -> None:
    assert debian.mirror_of(sources(SOURCES)) == "http://mirror/debian/"


def test_no_mirror_is_found_where_apt_knows_none() -> None:
    assert debian.mirror_of(sources("Ubuntu|noble|main|http://mirror/ubuntu/\n")) == ""
    assert debian.mirror_of(sources("")) == ""


def test_apts_proxy_is_used_for_packages() -> None:
    argv = ("apt-config", "shell", "proxy", "Acquire::http::Proxy")
    said = Outcome(argv, 0, "proxy='http://proxy:3128'\n", "")
    assert Apt(ScriptedShell({argv: said})).proxy() == "http://proxy:3128"
    assert Apt(ScriptedShell({argv: Outcome(argv, 0, "", "")})).proxy() == ""


def test_debootstrap_runs_in_a_tree_of_its_own(tmp_path: Path) -> None:
    argv = (
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"),
        *("debootstrap", "--variant=minbase", "--include=a,b", "bookworm", f"{tmp_path}/r"),
        "http://m",
    )
    shell = ScriptedShell({argv: Outcome(argv, 0, "", "")})
    Debootstrap(shell).minimal("bookworm", tmp_path / "r", "http://m", ["a", "b"])
    assert shell.ran == [argv]


def test_everything_that_is_lacking_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(Apt, "sources", lambda _: [])
    assert len(debian.lacks()) == 3
    bench = Bench(tmp_path, "debian", 1, tmp_path / "log", Phases(say=lambda _: None))
    with pytest.raises(MachineError, match=r"by root only.*no debootstrap.*no repository"):
        debian.Debian("bookworm", ()).make(bench)


def test_a_root_is_pruned_described_and_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def minimal(self: Debootstrap, suite: str, target: Path, *_: object) -> None:
        for name in ("etc", "usr/share/man/man1", "usr/bin", "var/lib/dpkg", "home"):
            (target / name).mkdir(parents=True)
        (target / "var/lib/dpkg/status").write_text("Package: runc\nVersion: 1.1.5\n\n")
        (target / "etc/resolv.conf").write_text("nameserver 192.0.2.1")
        (target / "etc/passwd").write_text("root:x:0:0::/:\n")
        (target / "etc/group").write_text("root:x:0:\n")

    known = sources(SOURCES)
    monkeypatch.setattr(debian, "lacks", list)
    monkeypatch.setattr(Apt, "sources", lambda _: known)
    monkeypatch.setattr(Apt, "proxy", lambda _: "")
    monkeypatch.setattr(Debootstrap, "minimal", minimal)
    bench = Bench(tmp_path, "debian", 1, tmp_path / "log", Phases(say=lambda _: None))
    made = debian.Debian("bookworm", ("runc",)).make(bench)
    assert made.files["debian-packages"].read_text() == "runc 1.1.5\n"
    with tarfile.open(made.files["debian-root"]) as tar:
        names = tar.getnames()
        passwd = tar.extractfile("etc/passwd")
        assert passwd is not None
        assert "istio-proxy:x:1337" in passwd.read().decode()
    assert "usr/bin" in names
    assert not {"usr/share/man", "var/lib/dpkg", "etc/resolv.conf"} & set(names)
    assert "mirror" not in made.source
