import pytest

from harness.meshes.addresses import external_addresses, node_ways


@pytest.mark.parametrize(
    ("ingress", "external", "expected"),
    [
        ([], [], []),
        ([{"ip": "192.0.2.7"}], ["192.0.2.9"], ["192.0.2.7"]),
        ([{"ip": "192.0.2.7"}, {"ip": "192.0.2.8"}], [], ["192.0.2.7", "192.0.2.8"]),
        ([{"hostname": "gateway.example"}], [], ["gateway.example"]),
        ([{"ip": "192.0.2.7"}, {"ip": "2001:db8::7"}], [], ["192.0.2.7"]),
        ([], ["192.0.2.9"], ["192.0.2.9"]),
    ],
)
def test_addresses_are_the_load_balancers_or_the_services_own(
    ingress: list[dict[str, str]], external: list[str], expected: list[str]
) -> None:
    service = {
        "spec": {"externalIPs": external},
        "status": {"loadBalancer": {"ingress": ingress}},
    }
    assert external_addresses(service) == expected


def test_a_node_port_is_reached_at_external_addresses_of_nodes() -> None:
    service = {"spec": {"ports": [{"port": 15021}, {"port": 15443, "nodePort": 31443}]}}
    addresses = [
        {"type": "InternalIP", "address": "10.0.0.1"},
        {"type": "ExternalIP", "address": "192.0.2.1"},
    ]
    nodes: list[dict[str, object]] = [{"status": {"addresses": addresses}}, {"status": {}}]
    assert list(node_ways(service, 15443, nodes)) == [("192.0.2.1", 31443)]
    assert list(node_ways(service, 15021, nodes)) == []
