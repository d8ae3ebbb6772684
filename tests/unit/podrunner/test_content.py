"""What containers are given: variables, files, volumes."""

import base64
import os
from pathlib import Path

import pytest

from harness.kube import Manifest
from harness.providers.podrunner.atomic_writer import Owner, make_empty_dir, write
from harness.providers.podrunner.container_config import ContainerConfigs
from harness.providers.podrunner.containers import containers
from harness.providers.podrunner.downward_api import PodInfo, field, quantity, resource
from harness.providers.podrunner.environment import (
    api_server_variables,
    environment,
    expand,
    service_variables,
)
from harness.providers.podrunner.hostfiles import HostFiles, group, passwd
from harness.providers.podrunner.object_cache import Unavailable
from harness.providers.podrunner.pod_api import Refused
from harness.providers.podrunner.pod_sandbox import PodSandbox
from harness.providers.podrunner.volumes import (
    FileProjection,
    Payload,
    VolumeSources,
    payload,
)
from tests.unit.podrunner.conftest import World, config, container, pod

FACTS = PodInfo(pod(), "10.9.0.2", "192.0.2.1", cores=2, memory=1 << 30)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$(A)", "a"),
        ("x$(A)$(B.c)y", "xaby"),
        ("$(NOPE)", "$(NOPE)"),
        ("$$(A)", "$(A)"),
        ("$A $$", "$A $"),
        ("$$$(A)", "$a"),
        ("$$$$(A)", "$$(A)"),
        ("$()", "$()"),
        ("$(A B)", "$(A B)"),
        ("$(LOOP)", "$(LOOP)"),
        ("$(A", "$(A"),
    ],
)
def test_references_are_expanded_where_known(text: str, result: str) -> None:
    assert expand(text, {"A": "a", "B.c": "b", "LOOP": "$(LOOP)"}) == result


def test_later_variables_may_refer_to_earlier_ones(world: World) -> None:
    entries = [{"name": "A", "value": "$(FIRST)1"}, {"name": "B", "value": "$(A)2$(C)"}]
    found = environment(container(env=entries), FACTS, world, {"FIRST": "0"})
    assert found == {"FIRST": "0", "A": "01", "B": "012$(C)"}


def test_variables_refer_to_those_before_them_alone(world: World) -> None:
    world.objects["ConfigMap", "m"] = {"data": {"M": "map $(A)"}}
    entries = [
        {"name": "EARLY", "value": "$(LATE) $(M)"},
        {"name": "LATE", "value": "late"},
        {"name": "FIRST", "value": "own-$(FIRST)"},
        {"name": "EMPTY"},
    ]
    manifest = container(env=entries, envFrom=[{"configMapRef": {"name": "m"}}])
    found = environment(manifest, FACTS, world, {"FIRST": "image", "A": "a"})
    assert found["EARLY"] == "$(LATE) map $(A)", "what comes from a map is not expanded"
    assert found["FIRST"] == "own-image"
    assert found["EMPTY"] == ""


def test_whole_maps_become_variables_and_single_ones_win(world: World) -> None:
    world.objects["ConfigMap", "m"] = {"data": {"A": "map", "B": "map"}}
    world.objects["Secret", "s"] = {"data": {"C": base64.b64encode(b"hidden").decode()}}
    manifest = container(
        envFrom=[
            {"configMapRef": {"name": "m"}, "prefix": "P_"},
            {"secretRef": {"name": "s"}},
            {"secretRef": {"name": "absent", "optional": True}},
        ],
        env=[{"name": "P_B", "value": "own"}],
    )
    found = environment(manifest, FACTS, world, {})
    assert found == {"P_A": "map", "P_B": "own", "C": "hidden"}


def test_an_optional_key_that_is_absent_is_no_variable(world: World) -> None:
    world.objects["ConfigMap", "m"] = {"data": {}}
    reference = {"name": "m", "key": "k", "optional": True}
    entry = {"name": "A", "valueFrom": {"configMapKeyRef": reference}}
    assert environment(container(env=[entry]), FACTS, world, {}) == {}
    entry["valueFrom"] = {"configMapKeyRef": {"name": "m", "key": "k"}}
    with pytest.raises(Unavailable, match="couldn't find key k in ConfigMap m"):
        environment(container(env=[entry]), FACTS, world, {})


def test_services_of_the_namespace_are_named_in_variables() -> None:
    service = {
        "metadata": {"name": "my-db"},
        "spec": {"clusterIP": "10.8.0.7", "ports": [{"name": "sql", "port": 5432}]},
    }
    headless = {"metadata": {"name": "h"}, "spec": {"clusterIP": "None"}}
    found = service_variables([service, headless])
    assert found == {
        "MY_DB_SERVICE_HOST": "10.8.0.7",
        "MY_DB_SERVICE_PORT": "5432",
        "MY_DB_SERVICE_PORT_SQL": "5432",
        "MY_DB_PORT": "tcp://10.8.0.7:5432",
        "MY_DB_PORT_5432_TCP": "tcp://10.8.0.7:5432",
        "MY_DB_PORT_5432_TCP_PROTO": "tcp",
        "MY_DB_PORT_5432_TCP_PORT": "5432",
        "MY_DB_PORT_5432_TCP_ADDR": "10.8.0.7",
    }
    assert api_server_variables("10.8.0.1")["KUBERNETES_SERVICE_HOST"] == "10.8.0.1"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "p"),
        ("metadata.labels['app']", "x"),
        ("metadata.labels['absent']", ""),
        ("metadata.labels", 'app="x"'),
        ("metadata.annotations", ""),
        ("spec.serviceAccountName", "someone"),
        ("status.podIP", "10.9.0.2"),
        ("status.hostIP", "192.0.2.1"),
    ],
)
def test_fields_of_the_pod(path: str, value: str) -> None:
    assert field(FACTS, path) == value


def test_resources_are_rounded_up_and_the_machine_is_the_limit() -> None:
    limited = container(resources={"limits": {"cpu": "1500m", "memory": "1Gi"}})
    assert resource(FACTS, {"resource": "limits.cpu"}, limited) == "2"
    assert resource(FACTS, {"resource": "limits.cpu", "divisor": "1m"}, limited) == "1500"
    assert resource(FACTS, {"resource": "limits.memory", "divisor": "0"}, limited) == "1073741824"
    assert resource(FACTS, {"resource": "limits.memory", "divisor": "1Mi"}, limited) == "1024"
    assert resource(FACTS, {"resource": "limits.cpu"}, container()) == "2"
    assert resource(FACTS, {"resource": "requests.cpu"}, container()) == "0"
    with pytest.raises(ValueError, match="not a quantity"):
        quantity("much")


def _naming(**spec: object) -> HostFiles:
    return HostFiles(pod(**spec), "10.9.0.2", "10.8.0.10", "cluster.local")


def test_the_resolver_asks_cluster_dns_first_in_the_own_namespace() -> None:
    assert _naming().resolv_conf() == (
        "nameserver 10.8.0.10\n"
        "search n.svc.cluster.local svc.cluster.local cluster.local\n"
        "options ndots:5\n"
    )


def test_the_resolver_takes_in_the_pods_own_wishes() -> None:
    wishes = {
        "nameservers": ["192.0.2.53"],
        "searches": ["example.org"],
        "options": [{"name": "ndots", "value": "1"}, {"name": "edns0"}],
    }
    alone = _naming(dnsPolicy="None", dnsConfig=wishes).resolv_conf()
    assert alone == "nameserver 192.0.2.53\nsearch example.org\noptions ndots:1 edns0\n"
    both = _naming(dnsConfig=wishes).resolv_conf()
    assert "nameserver 10.8.0.10\nnameserver 192.0.2.53\n" in both
    assert "options ndots:1 edns0" in both


def test_the_hosts_file_knows_the_pod_and_its_aliases() -> None:
    aliases = [{"ip": "192.0.2.9", "hostnames": ["a", "b"]}]
    text = _naming(hostAliases=aliases, subdomain="sub").hosts()
    assert "10.9.0.2\tp.sub.n.svc.cluster.local p\n" in text
    assert "192.0.2.9\ta b\n" in text


def test_every_user_of_the_pod_has_a_name() -> None:
    assert "istio-proxy:x:1337:1337:" in passwd([])
    assert passwd([1337, 2000]).count("1337:1337") == 1
    assert "user2000:x:2000:2000:" in passwd([2000])
    assert "user2000:x:2000:\n" in group([2000])


def _filling(world: World, *, private: bool = False) -> VolumeSources:
    return VolumeSources(
        pod_info=FACTS,
        objects=world,
        tokens=lambda audience, seconds: world.token({}, audience, seconds, 0.0),
        private=private,
    )


def test_items_choose_paths_and_modes(world: World) -> None:
    world.objects["Secret", "s"] = {"data": {"k": "dg==", "other": "dg=="}}
    secret = {
        "secretName": "s",
        "defaultMode": 0o400,
        "items": [{"key": "k", "path": "deep/er", "mode": 0o440}],
    }
    volume = {"name": "v", "secret": secret}
    assert payload(volume, _filling(world)) == {"deep/er": FileProjection(b"v", 0o440)}
    secret["items"] = [{"key": "absent", "path": "x"}]
    with pytest.raises(Unavailable, match="has no key 'absent'"):
        payload(volume, _filling(world))
    secret["optional"] = True
    assert payload(volume, _filling(world)) == {}


def test_a_projected_volume_is_one_of_many(world: World) -> None:
    world.objects["ConfigMap", "m"] = {"data": {"a": "1"}, "binaryData": {"b": "AA=="}}
    sources = [
        {"configMap": {"name": "m"}},
        {"serviceAccountToken": {"path": "token", "audience": "istio-ca"}},
        {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"secret": {"name": "absent", "optional": True}},
    ]
    volume = {"name": "v", "projected": {"sources": sources}}
    found = payload(volume, _filling(world))
    assert {name: file.data for name, file in found.items()} == {
        "a": b"1",
        "b": b"\0",
        "token": b"istio-ca-1",
        "l": b"p",
    }
    assert payload(volume, _filling(world, private=True))["token"].mode == 0o600


def _files(**texts: str) -> Payload:
    return {name: FileProjection(text.encode(), 0o644) for name, text in texts.items()}


def test_a_projection_is_swapped_whole(tmp_path: Path) -> None:
    assert write(tmp_path, _files(a="1", b="1"), Owner())
    first = (tmp_path / "..data").readlink()
    assert not write(tmp_path, _files(a="1", b="1"), Owner())
    assert write(tmp_path, _files(a="2", c="2"), Owner())
    assert (tmp_path / "..data").readlink() != first
    assert not (tmp_path / first).exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != ".") == ["a", "c"]
    assert (tmp_path / "a").read_text() == "2"


def test_an_open_file_of_the_old_set_stays_readable(tmp_path: Path) -> None:
    write(tmp_path, _files(a="old"), Owner())
    with (tmp_path / "a").open() as held:
        write(tmp_path, _files(a="new"), Owner())
        assert held.read() == "old"


def test_paths_may_be_deep_and_room_for_other_mounts_stays(tmp_path: Path) -> None:
    write(tmp_path, {"x/y": FileProjection(b"1", 0o400)}, Owner())
    assert (tmp_path / "x/y").stat().st_mode & 0o777 == 0o400
    (tmp_path / "mounted").mkdir()
    write(tmp_path, {}, Owner())
    assert (tmp_path / "mounted").is_dir()
    assert not (tmp_path / "x").exists()


def test_files_of_a_group_can_be_read_by_it(tmp_path: Path) -> None:
    write(tmp_path, {"a": FileProjection(b"", 0o400)}, Owner(group=os.getgid()))
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o440
    make_empty_dir(tmp_path / "empty", Owner(group=os.getgid()))
    assert (tmp_path / "empty").stat().st_mode & 0o7777 == 0o2777


def _sandbox(world: World, manifest: Manifest) -> PodSandbox:
    sandbox = PodSandbox(manifest, config(world.state), world, world, world.runtime.clock)
    sandbox.create()
    return sandbox


def _configured(world: World, manifest: Manifest) -> tuple[PodSandbox, ContainerConfigs]:
    return _sandbox(world, manifest), ContainerConfigs(config(world.state), world)


def test_command_and_arguments_replace_the_images(world: World) -> None:
    manifest = pod(
        container("a", args=["$(POD)"], env=[{"name": "POD", "value": "p"}]),
        container("b", command=["sh", "-c"], args=["x"], workingDir="/w"),
    )
    sandbox, configs = _configured(world, manifest)
    one, two = (configs.generate(item, sandbox) for item in containers(manifest))
    assert one.argv == ("/app", "p")
    assert (one.env["FROM"], one.env["HOSTNAME"]) == ("image", "p")
    assert one.env["KUBERNETES_SERVICE_HOST"] == "10.8.0.1"
    assert (two.argv, two.cwd) == (("sh", "-c", "x"), "/w")


def test_mounts_are_read_only_where_the_cluster_owns_the_contents(world: World) -> None:
    world.objects["ConfigMap", "m"] = {"data": {"k": "1"}}
    mounts = [
        {"name": "m", "mountPath": "/m"},
        {"name": "m", "mountPath": "/one", "subPath": "k"},
        {"name": "e", "mountPath": "/e", "subPathExpr": "$(WHO)"},
        {"name": "e", "mountPath": "/m/inner"},
    ]
    manifest = pod(
        container(volumeMounts=mounts, env=[{"name": "WHO", "value": "me"}]),
        volumes=[{"name": "m", "configMap": {"name": "m"}}, {"name": "e", "emptyDir": {}}],
    )
    sandbox, configs = _configured(world, manifest)
    whole, single, below, _ = configs.generate(containers(manifest)[0], sandbox).mounts
    assert whole.read_only
    assert single.source.read_text() == "1"
    assert (below.source.name, below.read_only) == ("me", False)
    assert (sandbox.volumes.path("m") / "inner").is_dir()


def test_a_sub_path_may_not_lead_out(world: World) -> None:
    mount = {"name": "e", "mountPath": "/e", "subPath": "../x"}
    manifest = pod(container(volumeMounts=[mount]), volumes=[{"name": "e", "emptyDir": {}}])
    sandbox, configs = _configured(world, manifest)
    with pytest.raises(Refused, match="leads out"):
        configs.generate(containers(manifest)[0], sandbox)
