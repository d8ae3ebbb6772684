from pathlib import Path

import pytest

from harness.meshes.istio.render import Renderer
from harness.model import ToolError
from harness.shell import Outcome, ScriptedShell
from harness.tools.istioctl import Istioctl

ARGV = ("/istioctl", "manifest", "generate", "--filename", "-")
ACCOUNT = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: istiod}\n"


def _renderer(cache: Path, *, exit_code: int = 0, digest: str = "1") -> Renderer:
    shell = ScriptedShell({ARGV: Outcome(ARGV, exit_code, ACCOUNT, "bad value")})
    return Renderer(Istioctl(Path("/istioctl"), shell), digest, cache)


def _calls(renderer: Renderer) -> int:
    shell = renderer.istioctl.shell
    assert isinstance(shell, ScriptedShell)
    return len(shell.ran)


def test_the_same_inputs_are_rendered_once(tmp_path: Path) -> None:
    first, second = _renderer(tmp_path), _renderer(tmp_path)
    assert first.render("{}") == second.render("{}")
    assert (_calls(first), _calls(second)) == (1, 0)


@pytest.mark.parametrize(("digest", "operator"), [("2", "{}"), ("1", "{ }")])
def test_another_program_or_operator_is_rendered_anew(
    tmp_path: Path, digest: str, operator: str
) -> None:
    _renderer(tmp_path).render("{}")
    other = _renderer(tmp_path, digest=digest)
    other.render(operator)
    assert _calls(other) == 1


def test_half_an_entry_is_not_believed(tmp_path: Path) -> None:
    _renderer(tmp_path).render("{}")
    (entry,) = tmp_path.iterdir()
    entry.write_text(entry.read_text("utf-8")[:20], "utf-8")
    again = _renderer(tmp_path)
    assert again.render("{}")[0]["kind"] == "ServiceAccount"
    assert _calls(again) == 1


def test_a_refusal_of_istioctl_is_told_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="bad value"):
        _renderer(tmp_path, exit_code=1).render("{}")
    assert not list(tmp_path.iterdir())
