"""The ``debootstrap`` command, which makes a Debian root of packages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.shell import Shell

#: A tree of its own, so that what it mounts and starts goes when it ends, however it ends.
_APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--")


@dataclass(frozen=True, slots=True)
class Debootstrap:
    """Installs packages into a directory; wants root. ``proxy`` is for what it fetches."""

    shell: Shell
    proxy: str = ""

    def minimal(self, suite: str, target: Path, mirror: str, packages: Sequence[str]) -> None:
        """Put the packages that no Debian can do without and ``packages`` into ``target``.

        Nothing is flushed to the disk on the way: half a root is of no use to anybody.
        """
        quick = target / "etc" / "dpkg" / "dpkg.cfg.d" / "quick"
        quick.parent.mkdir(parents=True)
        quick.write_text("force-unsafe-io\n")
        included = f"--include={','.join(packages)}"
        command = ("debootstrap", "--variant=minbase", included, suite, str(target), mirror)
        env = {"http_proxy": self.proxy} if self.proxy else None
        self.shell.run([*_APART, *command], env=env, timeout=1800).checked()
