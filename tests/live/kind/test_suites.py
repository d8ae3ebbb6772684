"""The suites on kind: the same promises, kept as on the embedded provider."""

from pathlib import Path

import pytest

from harness.providers.kind.provider import KindProvider
from tests.live.conforming import ALONE, APPLY, ONE_NETWORK, TWO_NETWORKS, conformance, kept


@pytest.mark.parametrize("topology", [TWO_NETWORKS, ONE_NETWORK, ALONE])
def test_every_promise_is_kept_on_kind(
    provider: KindProvider, topology: str, tmp_path: Path
) -> None:
    outcome = conformance(tmp_path, "-n", "2", provider=provider.name, topology=topology)
    assert kept(tmp_path, outcome, topology) == APPLY[topology]
