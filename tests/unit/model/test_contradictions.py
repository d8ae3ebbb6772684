"""Each contradiction of a topology's file is told with its line, and all of a file at once."""

import time
from pathlib import Path

import pytest

from harness.files import load_topology
from harness.model import ConfigError

#: Well-formed and sound; each case changes it in one place or adds to it. Line 1 is ``name``.
PAIR = """\
name: pair
title: A pair
networks:
  - name: blue
  - name: red
clusters:
  - name: east
    network: blue
  - name: west
    network: red
"""
REMOTE = PAIR + "    role: remote\n    primary: east\n"
MESHES = """\
name: pair
title: Two meshes
meshes:
  - id: one
  - id: two
networks:
  - name: blue
clusters:
  - name: east
    network: blue
    mesh: one
  - name: west
    network: blue
    mesh: two
"""


def told(directory: Path, text: str) -> list[str]:
    """Return what is wrong with a file, as ``LINE: message``."""
    path = directory / "pair.yaml"
    path.write_text(text)
    try:
        load_topology(path)
    except ConfigError as error:
        return [problem.removeprefix(f"{path}:") for problem in error.problems]
    return []


@pytest.mark.parametrize("text", [PAIR, REMOTE, MESHES], ids=["pair", "remote", "meshes"])
def test_what_the_cases_start_from_is_sound(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text) == []


REPEATED = {
    "network": (
        PAIR.replace("name: red", "name: blue").replace("network: red", "network: blue"),
        "5: network name 'blue' is used more than once",
    ),
    "cluster": (PAIR.replace("west", "east"), "9: cluster name 'east' is used more than once"),
    "mesh": (
        MESHES.replace("id: two", "id: one").replace("mesh: two", "mesh: one"),
        "5: mesh id 'one' is used more than once",
    ),
    "control plane": (
        PAIR + "control_planes:\n  - {name: a, cluster: east}\n  - {name: a, cluster: west}\n",
        "13: control plane name 'a' is used more than once",
    ),
    "machine": (
        PAIR
        + "machines:\n"
        + "  - {name: m, network: blue, cluster: east}\n"
        + "  - {name: m, network: blue, cluster: east}\n",
        "13: machine name 'm' is used more than once",
    ),
    "machine and cluster": (
        PAIR + "machines:\n  - {name: west, network: blue, cluster: east}\n",
        "12: machine name 'west' is the name of a cluster as well",
    ),
    "gateway": (
        PAIR + "gateways:\n  - {cluster: east}\n  - {cluster: east}\n",
        "13: gateway name 'istio-eastwestgateway' is used twice in namespace 'istio-system' "
        "of 'east'",
    ),
    "revision": (
        PAIR
        + "control_planes:\n"
        + "  - {name: a, cluster: east, revision: r}\n"
        + "  - {name: b, cluster: east, revision: r}\n",
        "13: control planes 'a' and 'b' both have revision 'r' in cluster 'east'",
    ),
    "no revision": (
        PAIR + "control_planes:\n  - {name: a, cluster: east}\n  - {name: b, cluster: east}\n",
        "13: control planes 'a' and 'b' both have no revision in cluster 'east'",
    ),
    "port of nodes": (
        PAIR
        + "gateways:\n"
        + "  - {cluster: east, type: NodePort}\n"
        + "  - {cluster: east, name: other, type: NodePort}\n",
        "13: cluster 'east' has two gateways at one port of its nodes: 31443",
    ),
}

UNKNOWN = {
    "name for a gateway without a load balancer": (
        PAIR + "gateways:\n  - {cluster: east, type: NodePort, address: hostname}\n",
        "12: gateway 'istio-eastwestgateway' of 'east' has no load balancer that could give it"
        " 'hostname'",
    ),
    "roots that nobody else trusts": (
        PAIR + "meshes:\n  - {id: mesh1, ca: self-signed}\n",
        "12: mesh 'mesh1' has 2 control planes: each would make a root of its own, which the"
        " others do not trust",
    ),
    "name of Services in one mesh": (
        PAIR + "    domain: corp.example\n",
        "11: cluster 'west' has the domain corp.example, and control plane 'east', which knows its"
        " Services, cluster.local",
    ),
    "root that is not made yet": (
        MESHES.replace("- id: one", "- {id: one, trusts: [two]}").replace(
            "- id: two", "- {id: two, ca: self-signed}"
        ),
        "5: mesh 'one' cannot be given the root of mesh 'two', as istiod makes it",
    ),
    "root of one's own making and another": (
        MESHES.replace("- id: two", "- {id: two, ca: self-signed, root: old}"),
        "5: mesh 'two' hangs from root 'old', and is self-signed",
    ),
    "network of a cluster": (
        PAIR.replace("network: blue", "network: bleu"),
        "8: cluster 'east' is on unknown network 'bleu'; declared: blue, red",
    ),
    "mesh of a cluster": (
        MESHES.replace("mesh: two", "mesh: tow"),
        "14: cluster 'west' is of unknown mesh 'tow'; declared: one, two",
    ),
    "primary": (
        REMOTE.replace("primary: east", "primary: eats"),
        "9: cluster 'west' names 'eats' as its primary; primaries: east",
    ),
    "cluster of a control plane": (
        PAIR + "control_planes:\n  - {name: a, cluster: eats}\n",
        "12: control plane 'a' is of unknown cluster 'eats'; declared: east, west",
    ),
    "served cluster": (
        PAIR + "control_planes:\n  - {name: a, cluster: east, serves: [east, wets]}\n",
        "12: control plane 'a' names unknown cluster 'wets'; declared: east, west",
    ),
    "read cluster": (
        PAIR + "control_planes:\n  - {name: a, cluster: east, reads: wets}\n",
        "12: control plane 'a' names unknown cluster 'wets'; declared: east, west",
    ),
    "cluster of configuration": (
        PAIR + "control_planes:\n  - {name: a, cluster: east, config_cluster: wets}\n",
        "12: control plane 'a' names unknown cluster 'wets'; declared: east, west",
    ),
    "mesh of a control plane": (
        MESHES + "control_planes:\n  - {name: a, cluster: east, mesh: tow}\n",
        "16: control plane 'a' is of unknown mesh 'tow'; declared: one, two",
    ),
    "cluster of a gateway": (
        PAIR + "gateways:\n  - {cluster: eats}\n",
        "12: gateway 'istio-eastwestgateway' is of unknown cluster 'eats'; declared: east, west",
    ),
    "network of a gateway": (
        PAIR + "gateways:\n  - {cluster: east, network: bleu}\n",
        "12: gateway 'istio-eastwestgateway' is on unknown network 'bleu'; declared: blue, red",
    ),
    "network of a machine": (
        PAIR + "machines:\n  - {name: m, network: racks, cluster: east}\n",
        "12: machine 'm' is on unknown network 'racks'; declared: blue, red",
    ),
    "cluster of a machine": (
        PAIR + "machines:\n  - {name: m, network: blue, cluster: eats}\n",
        "12: machine 'm' is of unknown cluster 'eats'; declared: east, west",
    ),
    "trusted mesh": (
        MESHES.replace("id: two", "id: two\n    trusts: three"),
        "6: mesh 'two' trusts unknown mesh 'three'; declared: one, two",
    ),
    "mesh that something is exported to": (
        MESHES.replace("id: two", "id: two\n    exports: [{host: a.b, to: three}]"),
        "6: mesh 'two' exports to unknown mesh 'three'; declared: one, two",
    ),
}

ROLES = {
    "no primary": (
        PAIR.replace("network: blue", "network: blue\n    role: remote")
        + "    role: remote\n    primary: east\n",
        "6: no cluster is a primary: nothing would configure the mesh",
    ),
    "remote that nobody serves": (
        PAIR + "    role: remote\n",
        "9: cluster 'west' is a remote that nobody serves; add 'primary: NAME'",
    ),
    "primary of a primary": (
        PAIR + "    primary: east\n",
        "9: cluster 'west' is no remote and has no use for 'primary'",
    ),
    "external without a control plane": (
        PAIR + "    role: external\n",
        "9: cluster 'west' is external and hosts no control plane; declare one, or leave it out",
    ),
    "served external cluster": (
        PAIR
        + "    role: external\n"
        + "control_planes:\n  - {name: a, cluster: west, serves: [east, west]}\n",
        "9: cluster 'west' is external, and yet 'a' serves it",
    ),
    "remote that its primary leaves out": (
        REMOTE + "control_planes:\n  - {name: a, cluster: east, serves: [east]}\n",
        "9: no control plane serves cluster 'west'",
    ),
    "control plane in a remote": (
        REMOTE + "control_planes:\n  - {name: a, cluster: west}\n",
        "14: control plane 'a' runs in cluster 'west', which is remote; make it a primary",
    ),
    "machine of an external cluster": (
        PAIR
        + "    role: external\n"
        + "control_planes:\n  - {name: a, cluster: west, serves: [east]}\n"
        + "machines:\n  - {name: m, network: red, cluster: west}\n",
        "15: machine 'm' is of cluster 'west', which is external: no member of a mesh",
    ),
    "machine of ambient": (
        PAIR + "data_plane: ambient\nmachines:\n  - {name: m, network: blue, cluster: east}\n",
        "12: ambient meshes have no machines",
    ),
}

MESH = {
    "cluster of no mesh": (
        MESHES.replace("    mesh: two\n", ""),
        "12: cluster 'west' does not say of which mesh it is; there are: one, two",
    ),
    "service of another mesh": (
        MESHES + "control_planes:\n  - {name: a, cluster: east, serves: [east, west]}\n",
        "16: control plane 'a' of mesh 'one' serves cluster 'west' of mesh 'two'",
    ),
    "mesh without a control plane": (
        MESHES.replace("mesh: two", "mesh: one"),
        "5: no control plane is of mesh 'two'",
    ),
    "trust in oneself": (
        MESHES.replace("id: two", "id: two\n    trusts: two"),
        "6: mesh 'two' need not say that it trusts itself",
    ),
    "export to oneself": (
        MESHES.replace("id: two", "id: two\n    exports: [{host: a.b, to: two}]"),
        "6: mesh 'two' exports 'a.b' to itself",
    ),
    "id of the only mesh": (
        MESHES + "mesh_id: three\n",
        "15: mesh_id is that of the only mesh; 'meshes' are declared, each with 'id'",
    ),
    "trust domain of the only mesh": (
        MESHES + "trust_domain: three\n",
        "15: trust_domain is that of the only mesh; 'meshes' are declared, each with "
        "'trust_domain'",
    ),
}

CONTROL = {
    "linked although unlinked": (
        PAIR + "links: none\ncontrol_planes:\n  - {name: a, cluster: east, reads: west}\n",
        "13: control plane 'a' reads other clusters, but 'links' is none",
    ),
    "configuration from a stranger": (
        PAIR + "control_planes:\n  - {name: a, cluster: east, config_cluster: west}\n",
        "12: control plane 'a' takes configuration from a cluster that it does not serve: 'west'",
    ),
    "reading at home": (
        PAIR + "control_planes:\n  - {name: a, cluster: east, reads: [east, west]}\n",
        "12: control plane 'a' reads 'east' without being told: it is configured there",
    ),
    "istiod that is not there": (
        REMOTE + "gateways:\n  - {cluster: west, exposes: [istiod]}\n"
        "  - {cluster: east, exposes: [istiod]}\n",
        "14: gateway 'istio-eastwestgateway' exposes istiod, but none runs in cluster 'west'",
    ),
    "remote behind walls": (
        REMOTE + "gateways:\n  - {cluster: east}\n  - {cluster: west}\n",
        "9: cluster 'west' does not reach its istiod: no gateway exposes that in 'east'",
    ),
    "machine behind walls": (
        PAIR + "gateways: []\n" + "machines:\n  - {name: m, network: red, cluster: east}\n",
        "13: machine 'm' does not reach its istiod: no gateway exposes that in 'east'",
    ),
}

RANGES = {
    "no range": (
        PAIR + "    pods: 10.300.0.0/16\n",
        "11: not an IPv4 range: Octet 300 (> 255) not permitted in '10.300.0.0'",
    ),
    "bits of hosts": (
        PAIR + "    services: 10.1.0.1/16\n",
        "11: not an IPv4 range: 10.1.0.1/16 has host bits set",
    ),
    "IPv6": (
        PAIR + "    pods: fd00::/64\n",
        "11: not an IPv4 range: Expected 4 octets in 'fd00::'",
    ),
    "pods too few": (
        PAIR + "    pods: 10.1.0.0/24\n",
        "11: 10.1.0.0/24 must be between /8 and /21",
    ),
    "services too many": (
        PAIR + "    services: 10.0.0.0/11\n",
        "11: 10.0.0.0/11 must be between /12 and /24",
    ),
    "network too small": (
        PAIR.replace("name: blue\n", "name: blue\n    cidr: 10.1.0.0/28\n"),
        "5: 10.1.0.0/28 must be between /16 and /25",
    ),
    "not private": (
        PAIR + "    pods: 8.8.0.0/16\n",
        "11: 8.8.0.0/16 is not private address space",
    ),
    "networks": (
        PAIR.replace("name: red\n", "name: red\n    cidr: 10.77.1.0/25\n"),
        "5: network 'red' (10.77.1.0/25) overlaps network 'blue' (10.77.1.0/24)",
    ),
    "pods over another network": (
        PAIR + "    pods: 10.64.0.0/10\n    services: 172.20.0.0/16\n",
        "11: pods of 'west' (10.64.0.0/10) overlaps network 'blue' (10.77.1.0/24)",
    ),
    "pods and services of one cluster": (
        PAIR + "    pods: 10.1.0.0/16\n    services: 10.1.128.0/17\n",
        "12: services of 'west' (10.1.128.0/17) overlaps pods of 'west' (10.1.0.0/16) on network "
        "'red'",
    ),
    "pods on one network": (
        PAIR.replace("network: red", "network: blue") + "    pods: 10.11.0.0/16\n",
        "11: pods of 'west' (10.11.0.0/16) overlaps pods of 'east' (10.11.0.0/16) on network "
        "'blue'",
    ),
    "pods on one segment": (
        PAIR.replace("name: blue\n", "name: blue\n    segment: fabric\n", 1).replace(
            "name: red\n", "name: red\n    segment: fabric\n", 1
        )
        + "    pods: 10.11.0.0/16\n",
        "13: pods of 'west' (10.11.0.0/16) overlaps pods of 'east' (10.11.0.0/16)",
    ),
    "too many clusters": (
        PAIR.replace("name: blue\n", "name: blue\n    cidr: 10.1.0.0/25\n")
        + "".join(f"  - {{name: c{n}, network: blue}}\n" for n in range(5)),
        "4: network 'blue' (10.1.0.0/25) has no room for 7 clusters and 0 machines; declare a "
        "wider 'cidr'",
    ),
    "too many machines": (
        PAIR
        + "machines:\n"
        + "".join(f"  - {{name: m{n}, network: red, cluster: west}}\n" for n in range(230)),
        "5: network 'red' (10.77.2.0/24) has no room for 2 clusters and 230 machines; declare a "
        "wider 'cidr'",
    ),
}

CASES = {
    f"{kind}: {name}": case
    for kind, cases in {
        "repeated": REPEATED,
        "unknown": UNKNOWN,
        "role": ROLES,
        "mesh": MESH,
        "control plane": CONTROL,
        "range": RANGES,
    }.items()
    for name, case in cases.items()
}


#: Of these more than one thing is wrong, and more than one thing is told.
SEVERAL = {"role: no primary", "range: pods over another network"}


@pytest.mark.parametrize("name", sorted({*CASES} - SEVERAL))
def test_a_contradiction_is_told_with_its_line_and_without_its_consequences(
    tmp_path: Path, name: str
) -> None:
    text, expected = CASES[name]
    assert told(tmp_path, text) == [expected]


@pytest.mark.parametrize("name", sorted(SEVERAL))
def test_a_contradiction_is_told_beside_others(tmp_path: Path, name: str) -> None:
    text, expected = CASES[name]
    found = told(tmp_path, text)
    assert expected in found
    assert len(found) > 1


def test_equal_ranges_on_two_segments_are_sound(tmp_path: Path) -> None:
    assert told(tmp_path, PAIR + "    pods: 10.11.0.0/16\n    services: 10.111.0.0/16\n") == []


def test_two_revisions_in_a_cluster_and_two_gateways_of_it_are_sound(tmp_path: Path) -> None:
    revisions = "".join(f"  - {{name: {n}, cluster: east, revision: {n}}}\n" for n in "ab")
    gateways = "".join(f"  - {{cluster: east, name: {n}}}\n" for n in "ab")
    text = f"{PAIR}control_planes:\n{revisions}gateways:\n{gateways}"
    assert told(tmp_path, text) == []


def test_a_control_plane_may_serve_namespaces_of_a_cluster_of_another_mesh(tmp_path: Path) -> None:
    plane = "{name: a, cluster: east, mesh: two, revision: a, namespaces: {team: a}}"
    own = "{name: east, cluster: east}"
    assert told(tmp_path, f"{MESHES}control_planes:\n  - {own}\n  - {plane}\n") == []


def test_all_that_is_wrong_with_a_file_is_told_at_once(tmp_path: Path) -> None:
    text = """\
name: ring
title: Everything is wrong
data_plane: ambient
networks:
  - name: blue
    cidr: 10.1.0.0/28
  - name: blue
clusters:
  - name: east
    network: bleu
    pods: 8.8.0.0/24
  - name: west
    network: blue
    role: remote
  - name: hub
    network: blue
    role: external
gateways:
  - {cluster: eats}
machines:
  - {name: east, network: racks, cluster: west}
"""
    assert told(tmp_path, text) == [
        "7: network name 'blue' is used more than once",
        "21: machine name 'east' is the name of a cluster as well",
        "10: cluster 'east' is on unknown network 'bleu'; declared: blue",
        "19: gateway 'istio-eastwestgateway' is of unknown cluster 'eats'; declared: east, hub, "
        "west",
        "21: machine 'east' is on unknown network 'racks'; declared: blue",
        "12: cluster 'west' is a remote that nobody serves; add 'primary: NAME'",
        "15: cluster 'hub' is external and hosts no control plane; declare one, or leave it out",
        "20: ambient meshes have no machines",
        "6: 10.1.0.0/28 must be between /16 and /25",
        "11: 8.8.0.0/24 must be between /8 and /21",
        "11: 8.8.0.0/24 is not private address space",
        "1: name is 'ring', but the file is called pair.yaml",
    ]


def test_contradictions_of_different_kinds_are_told_together(tmp_path: Path) -> None:
    text = (
        PAIR.replace("network: red", "network: blue")
        + "    pods: 10.11.0.0/16\n"
        + "links: none\n"
        + "control_planes:\n"
        + "  - {name: a, cluster: east, reads: west}\n"
        + "  - {name: b, cluster: east}\n"
        + "gateways:\n"
        + "  - {cluster: east}\n"
        + "  - {cluster: east}\n"
    )
    assert told(tmp_path, text) == [
        "14: control plane 'a' reads other clusters, but 'links' is none",
        "15: control planes 'a' and 'b' both have no revision in cluster 'east'",
        "18: gateway name 'istio-eastwestgateway' is used twice in namespace 'istio-system' of "
        "'east'",
        "11: pods of 'west' (10.11.0.0/16) overlaps pods of 'east' (10.11.0.0/16) on network "
        "'blue'",
    ]


def test_all_cases_are_read_in_under_a_second(tmp_path: Path) -> None:
    start = time.process_time()
    for text, _ in CASES.values():
        told(tmp_path, text)
    assert time.process_time() - start < 1
