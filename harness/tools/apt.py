"""What ``apt`` of this machine is configured with: where packages come from here."""

from dataclasses import dataclass

from harness.shell import Shell


@dataclass(frozen=True, slots=True)
class Source:
    """A repository of binary packages."""

    origin: str
    codename: str
    component: str
    url: str


@dataclass(frozen=True, slots=True)
class Apt:
    """Reads apt's own configuration, mirrors and all."""

    shell: Shell

    def proxy(self) -> str:
        """Return the proxy through which packages are fetched; empty if there is none."""
        asked = ["apt-config", "shell", "proxy", "Acquire::http::Proxy"]
        return self.shell.run(asked).stdout.strip().removeprefix("proxy=").strip("'")

    def sources(self) -> list[Source]:
        """Return the repositories, in apt's order; none where there is no apt."""
        fields = "$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)"
        asked = ["apt-get", "indextargets", "--format", fields, "Created-By: Packages"]
        rows = [line.split("|") for line in self.shell.run(asked).stdout.splitlines()]
        return [Source(*row) for row in rows if len(row) == 4]
