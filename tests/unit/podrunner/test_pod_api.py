"""The table of the Pod API is complete, and each row tells what really becomes of the field."""

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from harness.kube import Manifest
from harness.providers.podrunner import pod_api
from harness.providers.podrunner.messages import PodUpdated
from harness.providers.podrunner.pod_api import FIELDS, Support, refused
from harness.providers.podrunner.pod_api_fields import ACCEPTED, NESTED
from harness.providers.podrunner.pod_worker import UNSUPPORTED
from tests.unit.podrunner.conftest import World, pod
from tests.unit.podrunner.test_pod import RunPod

PAGE = Path(__file__).parents[3] / "docs/pod-runner.md"
#: For each field of which some values are accepted, one that is not.
NOT_ACCEPTED: dict[str, Any] = {
    "HTTPGetAction.protocol": "HTTP2",
    "Lifecycle.stopSignal": "SIGRTMIN+3",
    "PodSecurityContext.sysctls": {"name": "net.core.somaxconn", "value": "1"},
    "PodSpec.os": {"name": "windows"},
    "VolumeMount.mountPropagation": "Bidirectional",
    "VolumeMount.recursiveReadOnly": "Enabled",
}


def types(kind: str) -> dict[str, str]:
    """Return the types of an API type's fields as the Kubernetes client knows them."""
    model = getattr(client, f"V1{kind}")
    return {name: model.openapi_types[key] for key, name in model.attribute_map.items()}


def reachable(kind: str = "PodSpec") -> Iterator[str]:
    """Yield ``Type.field`` of a type and of those that its fields are entered into."""
    for name in types(kind):
        yield f"{kind}.{name}"
        if f"{kind}.{name}" in NESTED:
            yield from reachable(NESTED[f"{kind}.{name}"])


def with_field(field: str, value: Any) -> Manifest:
    """Return a pod that has ``field`` somewhere, in the first place where it can be."""
    manifest = pod()
    kind, name = field.split(".")
    _at(manifest["spec"], kind)[name] = [value] if _is_list(field) else value
    return manifest


def _at(spec: Manifest, kind: str) -> Manifest:
    if kind == "PodSpec":
        return spec
    outer = next(field for field, inner in NESTED.items() if inner == kind)
    around, name = _at(spec, outer.split(".")[0]), outer.split(".")[1]
    if not _is_list(outer):
        found: Manifest = around.setdefault(name, {})
        return found
    items: list[Manifest] = around.setdefault(name, [{}])
    return items[0]


def _is_list(field: str) -> bool:
    kind, name = field.split(".")
    return types(kind)[name].startswith("List[")


def of(support: Support) -> list[str]:
    return [field for field, (has, _) in FIELDS.items() if has is support]


def test_every_field_of_the_api_has_a_row_and_every_row_a_field() -> None:
    assert set(FIELDS) == set(reachable())


def test_no_field_has_two_rows() -> None:
    rows = sum(len(notes) for notes in pod_api._TABLE.values())
    assert len(FIELDS) == rows


def test_fields_are_entered_into_as_what_they_are() -> None:
    for field, inner in NESTED.items():
        kind, name = field.split(".")
        found = re.search(r"V1(\w+)", types(kind)[name])
        assert found is not None, field
        assert found[1] == inner
        assert FIELDS[field][0] in (Support.HONOURED, Support.PARTLY), field


def test_the_page_holds_the_table() -> None:
    assert pod_api.markdown() in PAGE.read_text(), (
        "print it anew: python -m harness.providers.podrunner.pod_api"
    )


@pytest.mark.parametrize("field", of(Support.REFUSED))
def test_a_refused_field_is_told_by_status_and_event(
    field: str, run_pod: RunPod, world: World
) -> None:
    seen = run_pod(with_field(field, {"set": "something"}))
    assert (seen.starts("main"), world.networks) == (0, [])
    waiting = seen.container_status("main")["state"]["waiting"]
    assert waiting["reason"] == UNSUPPORTED
    name = re.escape(field.split(".")[1])
    assert re.search(rf"^spec\S*\.{name} is not supported by the pod runner: ", waiting["message"])
    assert world.events == [(UNSUPPORTED, waiting["message"])]
    seen.delete()
    assert world.removed == ["u-1"]


@pytest.mark.parametrize("field", sorted(ACCEPTED))
def test_of_a_field_that_is_partly_honoured_other_values_are_refused(field: str) -> None:
    value = NOT_ACCEPTED[field]
    (message,) = refused(with_field(field, value)["spec"])
    assert f"{value!r} is not supported by the pod runner" in message
    for accepted in ACCEPTED[field]:
        assert list(refused(with_field(field, accepted)["spec"])) == []


@pytest.mark.parametrize("field", of(Support.IGNORED))
def test_an_ignored_field_is_no_obstacle(field: str, run_pod: RunPod, world: World) -> None:
    kind, name = field.split(".")
    value = {"set": "x"} if "V1" in types(kind)[name] else "x"
    assert list(refused(with_field(field, value)["spec"])) == []
    if kind in ("PodSpec", "Container", "SecurityContext", "PodSecurityContext"):
        seen = run_pod(with_field(field, value))
        assert (seen.starts("main"), world.events) == (1, [])


def test_a_field_that_asks_for_nothing_is_not_refused() -> None:
    spec = pod()["spec"] | {"hostNetwork": False, "hostPID": None, "ephemeralContainers": []}
    assert list(refused(spec)) == []


def test_every_refused_field_is_named_with_its_place(run_pod: RunPod) -> None:
    manifest = pod(hostNetwork=True)
    manifest["spec"]["containers"][0]["livenessProbe"] = {"grpc": {"port": 1}}
    message = run_pod(manifest).container_status("main")["state"]["waiting"]["message"]
    assert "spec.hostNetwork is not supported" in message
    assert "spec.containers[0].livenessProbe.grpc is not supported" in message


def test_a_source_that_is_not_known_is_refused(run_pod: RunPod) -> None:
    running = run_pod(pod(volumes=[{"name": "v", "novelty": {}}]))
    waiting = running.container_status("main")["state"]["waiting"]
    assert waiting["reason"] == UNSUPPORTED
    assert waiting["message"].startswith("spec.volumes[0].novelty is not supported")


def test_any_other_field_that_is_not_known_is_told_by_an_event(
    run_pod: RunPod, world: World
) -> None:
    running = run_pod(pod(novelty={"deep": [1]}))
    assert running.condition("Ready") == "True"
    message = "spec.novelty is not known to the pod runner and has no effect"
    assert world.events == [(UNSUPPORTED, message)]


def test_an_ephemeral_container_is_refused_while_the_pod_goes_on(
    run_pod: RunPod, world: World
) -> None:
    seen = run_pod(pod())
    changed = deepcopy(seen.worker.pod)
    changed["spec"]["ephemeralContainers"] = [{"name": "debugger", "image": "app"}]
    for _ in range(2):
        seen.worker.handle(PodUpdated(changed))
        seen.advance()
    (event,) = world.events
    assert event[1].startswith("spec.ephemeralContainers is not supported by the pod runner")
    assert seen.condition("Ready") == "True"
