from dataclasses import replace
from typing import Any

import pytest

from harness.converge import Budget, NotConverged
from harness.kube import Manifest
from harness.model import ApiError
from harness.probes.access import SECRET
from harness.workloads.echo import Echo
from harness.workloads.restoring import covers, difference, inverse, without_server_fields
from harness.workloads.site import Site

from .conftest import MemoryKube, config, merged

AT_ONCE = Budget(timeout=0)


def kept(kube: MemoryKube, name: str = "c") -> Manifest:
    return without_server_fields(kube.get("ConfigMap", name, "sample"))


def test_what_was_applied_is_gone_and_what_it_replaced_is_back(
    site: Site, kube: MemoryKube
) -> None:
    kube.put(config(a="1", b="2"))
    before = kept(kube)
    with site.applied(config(a="x"), config("new")):
        assert kept(kube)["data"] == {"a": "x"}
        assert kube.find("ConfigMap", "new", "sample")
    assert kept(kube) == before
    assert kube.find("ConfigMap", "new", "sample") is None


def test_an_application_that_fails_half_way_leaves_nothing(site: Site, kube: MemoryKube) -> None:
    def refuse(stored: Manifest) -> None:
        if stored["metadata"]["name"] == "bad":
            raise ValueError("refused")

    kube.reacts = refuse
    with pytest.raises(ValueError, match="refused"), site.applied(config("good"), config("bad")):
        pytest.fail("the block must not run")
    assert kube.find("ConfigMap", "good", "sample") is None


def test_a_failing_block_is_undone_too(site: Site, kube: MemoryKube) -> None:
    kube.put(config(a="1"))
    before = kept(kube)
    with pytest.raises(AssertionError), site.deleted("ConfigMap", "c", "sample"):
        assert kube.find("ConfigMap", "c", "sample")
    assert kept(kube) == before


def test_a_patch_is_undone_field_by_field(site: Site, kube: MemoryKube) -> None:
    kube.put(config(a="1", b="2"))
    before = kept(kube)
    patch = {"data": {"a": "x", "b": None, "c": "3"}, "metadata": {"labels": {"l": "v"}}}
    with site.patched("ConfigMap", "c", patch, "sample"):
        assert kept(kube)["data"] == {"a": "x", "c": "3"}
        kube.patch("ConfigMap", "c", {"data": {"other": "hand"}}, "sample")
    assert kept(kube) == merged(before, {"data": {"other": "hand"}})


def test_a_patched_object_that_vanished_is_back(site: Site, kube: MemoryKube) -> None:
    kube.put(config(a="1"))
    before = kept(kube)
    with site.patched("ConfigMap", "c", {"data": {"a": "x"}}, "sample"):
        kube.delete("ConfigMap", "c", "sample")
    assert kept(kube) == before


def test_what_others_changed_beside_a_patch_stays(site: Site, kube: MemoryKube) -> None:
    kube.put(deployment(1))
    patch = {"spec": {"template": {"metadata": {"labels": {"l": "v"}}}}}
    with site.patched("Deployment", "echo", patch, "sample"):
        kube.scale("echo", "sample", 3)
        kube.patch("Deployment", "echo", {"metadata": {"annotations": {"by": "hand"}}}, "sample")
    now = kube.get("Deployment", "echo", "sample")
    assert now["spec"] == deployment(3)["spec"]
    assert now["metadata"]["annotations"] == {"by": "hand"}
    assert not [each for each in kube.written if each.startswith("replace")]


def test_a_patch_whose_answer_was_lost_is_undone(
    site: Site, kube: MemoryKube, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube.put(config(a="1"))
    before = kept(kube)
    really = kube.patch

    def lost(kind: str, name: str, patch: Manifest, namespace: str | None = None) -> Manifest:
        monkeypatch.undo()
        really(kind, name, patch, namespace)
        raise ApiError("PATCH c", 0, "connection reset")

    monkeypatch.setattr(kube, "patch", lost)
    with (
        pytest.raises(ApiError, match="reset"),
        site.patched("ConfigMap", "c", {"data": {"a": "x"}}, "sample"),
    ):
        pytest.fail("the block must not run")
    assert kept(kube) == before


def test_what_no_patch_can_undo_is_brought_back_whole(site: Site, kube: MemoryKube) -> None:
    kube.put(config(a="1"))
    before = kept(kube)
    with site.patched("ConfigMap", "c", {"data": {"a": "x"}}, "sample"):
        kube.refuses_patches = True
    assert kept(kube) == before


def test_a_field_that_took_others_with_it_brings_them_back(site: Site, kube: MemoryKube) -> None:
    spec = {"type": "LoadBalancer", "nodePort": 30001}
    metadata = {"name": "s", "namespace": "sample"}
    kube.put({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})

    def forget(stored: Manifest) -> None:
        if stored["spec"]["type"] == "ClusterIP":
            stored["spec"].pop("nodePort", None)

    kube.reacts = forget
    with site.patched("Service", "s", {"spec": {"type": "ClusterIP"}}, "sample"):
        assert "nodePort" not in kube.get("Service", "s", "sample")["spec"]
        kube.patch("Service", "s", {"spec": {"externalName": "other"}}, "sample")
    assert kube.get("Service", "s", "sample")["spec"] == {**spec, "externalName": "other"}


def test_nothing_is_written_where_nothing_differs(site: Site, kube: MemoryKube) -> None:
    kube.put(config(a="1"))
    with site.applied(config(a="1")):
        pass
    assert kube.written == ["apply c"]


def test_a_conflict_is_tried_again(site: Site, kube: MemoryKube) -> None:
    kube.put(config(a="1"))
    kube.conflicts = 1
    with site.applied(config(a="2")):
        pass
    assert kept(kube)["data"] == {"a": "1"}


def test_an_inverse_restores_scalars_lists_and_absence() -> None:
    before = {"a": 1, "l": [1], "m": {"x": 1}, "was": {"deep": True}}
    patch = {"a": 2, "l": [2], "m": {"x": 2, "y": 3}, "was": None, "new": {"z": 1}}
    assert merged(merged(before, patch), inverse(patch, before)) == before


def test_a_difference_undoes_whatever_was_done() -> None:
    before = {"metadata": {"name": "x"}, "a": 1, "l": [1], "m": {"x": 1}, "was": {"deep": True}}
    patch = {"a": 2, "l": [2], "m": {"x": 2, "y": 3}, "was": None, "new": {"z": 1}, "status": {}}
    after = merged(before, patch)
    undone = merged(after, difference(after, before))
    assert without_server_fields(undone) == before
    assert covers(undone, difference(after, before))
    assert not covers(after, difference(after, before))


def deployment(wanted: int, status: Manifest | None = None) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "echo", "namespace": "sample"},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": "echo"}}},
        "status": status or {},
    }


def counts(number: int) -> dict[str, int]:
    every = ("replicas", "updatedReplicas", "availableReplicas")
    return {"observedGeneration": 99, **dict.fromkeys(every, number)}


def test_scaling_waits_and_goes_back(site: Site, kube: MemoryKube) -> None:
    def follow(stored: Manifest) -> None:
        stored["status"] = counts(stored["spec"]["replicas"])

    kube.reacts = follow
    kube.put(deployment(1))
    with site.scaled("echo", "sample", 0):
        assert kube.get("Deployment", "echo", "sample")["status"]["replicas"] == 0
    assert kube.get("Deployment", "echo", "sample")["spec"]["replicas"] == 1


@pytest.mark.parametrize(
    "status",
    [
        {**counts(1), "replicas": 2},
        {**counts(1), "observedGeneration": 0},
        {**counts(1), "updatedReplicas": 0},
        {**counts(1), "availableReplicas": 0},
        {},
    ],
)
def test_a_rollout_is_not_done_before_all_of_it_is(
    site: Site, kube: MemoryKube, status: dict[str, int]
) -> None:
    kube.put(deployment(1, status))
    with pytest.raises(NotConverged):
        site.rolled_out("echo", "sample", budget=AT_ONCE)


def test_a_rollout_that_fails_says_why(site: Site, kube: MemoryKube) -> None:
    kube.put(deployment(1))
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    kube.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "echo-1", "namespace": "sample", "labels": {"app": "echo"}},
            "status": {
                "phase": "Pending",
                "containerStatuses": [
                    {"name": "agent", "ready": False, "restartCount": 3, "state": waiting},
                    {"name": "proxy", "ready": True, "state": {"running": {}}},
                ],
            },
        }
    )
    kube.events = [{"reason": "Unhealthy", "message": "Readiness probe failed: 503"}]
    with pytest.raises(NotConverged) as caught:
        site.rolled_out("echo", "sample", budget=AT_ONCE)
    said = str(caught.value)
    assert "pod echo-1: Pending" in said
    assert "Unhealthy: Readiness probe failed: 503" in said
    assert "agent: waiting CrashLoopBackOff back-off 10s, restarted 3x" in said
    assert "| last words" in said
    assert "proxy" not in said


def test_a_rollout_without_pods_quotes_the_deployment(site: Site, kube: MemoryKube) -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "message": "admission webhook denied"}
    kube.put(deployment(1, {"conditions": [refused]}))
    with pytest.raises(NotConverged, match="admission webhook denied"):
        site.rolled_out("echo", "sample", budget=AT_ONCE)


def pod(name: str, created: str, *, ready: str = "True", **metadata: Any) -> Manifest:
    labels = {"app": "echo"}
    meta = {"name": name, "namespace": "sample", "labels": labels, **metadata}
    conditions = [{"type": "Ready", "status": ready}]
    status = {"podIP": "10.1.0.9", "conditions": conditions}
    return {"kind": "Pod", "metadata": meta, "status": status, "created": created}


def test_the_caller_is_the_newest_ready_pod(site: Site, kube: MemoryKube) -> None:
    def born(stored: Manifest) -> None:
        stored["metadata"]["creationTimestamp"] = stored["created"]

    kube.reacts = born
    for manifest in (
        pod("old", "1"),
        pod("new", "2"),
        pod("starting", "3", ready="False"),
        pod("leaving", "4", deletionTimestamp="now"),
    ):
        kube.put(manifest)
    caller = site.caller("sample", "echo")
    assert (caller.pod, caller.ip, str(caller)) == ("new", "10.1.0.9", "sample/new in c1")


def test_agents_find_what_lets_the_harness_in_and_keep_it(site: Site, kube: MemoryKube) -> None:
    site.deploy(Echo(name="echo", namespace="a"), Echo(name="bare", namespace="a"))
    assert kube.written == [
        "create meshproof-agent",
        *("apply echo", "apply echo", "apply bare", "apply bare"),
    ]
    before = kube.get("Secret", SECRET, "a")
    site.deploy(Echo(name="echo", namespace="a"), Echo(name="probe", namespace="b"))
    assert kube.get("Secret", SECRET, "a") == before
    assert kube.get("Secret", SECRET, "b")["stringData"] != before["stringData"]


def test_callers_tell_whom_their_site_tells(kube: MemoryKube, site: Site) -> None:
    heard: list[str] = []
    kube.put(
        {
            "kind": "Pod",
            "metadata": {
                "name": "echo-1",
                "namespace": "a",
                "labels": {"app": "echo"},
                "creationTimestamp": "now",
            },
            "status": {"podIP": "10.1.0.9", "conditions": [{"type": "Ready", "status": "True"}]},
        }
    )
    replace(site, on_repeat=heard.append).caller("a", "echo").on_repeat("twice")
    assert heard == ["twice"]
