"""What a machine of a lab has that its provider does not give by itself: names and accounts."""

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.converge import Budget, eventually
from harness.providers.fabric import first
from harness.shell import Outcome

_SOON = Budget(timeout=30.0, interval=0.02, firm=True)

#: The account of proxies, as packages of Istio make it on a host.
_ACCOUNTS = "root:x:0:0:root:/root:/bin/sh\nistio-proxy:x:1337:1337::/var/lib/istio:/bin/sh\n"
_GROUPS = "root:x:0:\nistio-proxy:x:1337:\n"


def first_process() -> list[str]:
    """Return what runs as long as the machine does."""
    return ["python3", "-I", "-S", "-c", Path(first.__file__).read_text(encoding="utf-8")]


def furnish(name: str, address: str, run: Callable[[Sequence[str]], Outcome]) -> None:
    """Make a machine that is coming up know itself, and the accounts that it needs.

    Its resolver is a stub that nobody runs: what nothing else answers fails at once. Files are
    written in place, because some are mounted; never before the machine has files of its own.
    """
    eventually(
        lambda: run(["test", "-e", first.UP]).exit_code,
        lambda code: code == 0,
        what=f"machine {name} is up",
        budget=_SOON,
    )
    files = {
        "/etc/group": _GROUPS,
        "/etc/hosts": f"127.0.0.1 localhost\n{address} {name}\n",
        "/etc/passwd": _ACCOUNTS,
        "/etc/resolv.conf": "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n",
    }
    parts = [f"cat > {path} <<'END'\n{content}END\n" for path, content in files.items()]
    run(["sh", "-ec", "".join([f"test -e {first.UP}\n", *parts])]).checked()
