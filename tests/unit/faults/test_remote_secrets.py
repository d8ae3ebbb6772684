"""Secrets are added, copied and rotated as real ones are written, and go as they came."""

import base64
import json
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from harness.faults.remote_secrets import Rotation, copied_secret, nobody, secrets_of
from harness.kube import Manifest
from harness.meshes.base import UPSTREAM_SHAPE
from harness.meshes.istio.remote_secret import Credentials, kubeconfig, remote_secret
from harness.model import Cluster, ClusterPlan, HarnessError
from harness.workloads.site import Site
from tests.unit.workloads.conftest import MemoryKube

SERVER = "https://10.77.2.2:6443"


def placed(name: str) -> Site:
    cluster = Cluster(name=name, network="n1", kubeconfig="", server=SERVER, version="v1.34.4")
    plan = ClusterPlan(
        name=name,
        network="n1",
        nodes=(),
        pods="",
        services="",
        dns="",
        load_balancers=("10.77.1.200", "10.77.1.201"),
    )
    return Site(cluster, plan, MemoryKube())


def stored(secret: Manifest) -> Manifest:
    """A Secret as the API server keeps it."""
    data = {k: base64.b64encode(v.encode()).decode() for k, v in secret.pop("stringData").items()}
    return {**secret, "data": data}


@pytest.fixture
def site() -> Site:
    config = kubeconfig("c2", SERVER, Credentials("token", "pem"))
    made = placed("c1")
    made.kube.create(stored(remote_secret("c2", config, UPSTREAM_SHAPE.system)))
    return made


def server_in(secret: Manifest) -> str:
    (text,) = secret.get("stringData", {}).values()
    return str(json.loads(text)["clusters"][0]["cluster"]["server"])


@pytest.mark.parametrize(
    ("fault", "server"),
    [
        (lambda site: copied_secret(site, "c3"), SERVER),
        (lambda site: copied_secret(site, "c3", server=nobody(site)), "https://10.77.1.201:6443"),
    ],
)
def test_a_copy_tells_of_a_further_cluster(
    site: Site, fault: Callable[[Site], AbstractContextManager[None]], server: str
) -> None:
    with fault(site):
        (copy,) = [each for each in secrets_of(site) if each["metadata"]["name"].endswith("c3")]
        assert [*copy["stringData"]] == ["c3"]
        assert server_in(copy) == server
    assert [each["metadata"]["name"] for each in secrets_of(site)] == ["istio-remote-secret-c2"]


def test_where_no_secret_is_none_can_be_copied() -> None:
    with (
        pytest.raises(HarnessError, match="reads no other cluster"),
        copied_secret(placed("c1"), "c3"),
    ):
        pass


def test_a_rotated_secret_says_the_same_in_other_bytes(site: Site) -> None:
    (before,) = secrets_of(site)
    with Rotation().of(site, placed("c2")):
        (rotated,) = secrets_of(site)
        assert rotated["data"] != before["data"]
        (said,) = (base64.b64decode(each).decode() for each in rotated["data"].values())
        assert json.loads(said.partition("\n#")[0])["clusters"][0]["cluster"]["server"] == SERVER
    assert [each["data"] for each in secrets_of(site)] == [before["data"]]


def test_a_delayed_rotation_is_delayed_for_a_while_only() -> None:
    rotation = Rotation()
    with rotation.delayed(3.0):
        assert rotation.gap == 3.0
    assert rotation.gap == 0.0
