from harness.workloads.echo import Echo, namespace, service


def test_an_echo_says_everything_an_agent_must_know() -> None:
    account, deployment = Echo(
        name="echo", namespace="sample", version="v2", account="probe-a", env={"DRAIN_QUIET": "1"}
    ).manifests("c1")
    assert account["metadata"] == {"name": "probe-a", "namespace": "sample"}
    template = deployment["spec"]["template"]
    assert template["metadata"]["labels"] == {
        "app": "echo",
        "version": "v2",
        "meshproof.io/agent": "true",
    }
    container = template["spec"]["containers"][0]
    env = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert env == {
        "CLUSTER": "c1",
        "VERSION": "v2",
        "DRAIN_QUIET": "1",
        "POD_NAME": None,
        "NAMESPACE": None,
        "ACCOUNT": None,
        "CONTROL_TOKEN": None,
    }
    assert container["env"][-1]["valueFrom"] == {
        "secretKeyRef": {"name": "meshproof-agent", "key": "token"}
    }
    assert template["spec"]["serviceAccountName"] == "probe-a"


def test_the_selector_knows_only_what_never_changes() -> None:
    echo = Echo(name="echo", namespace="sample", labels={"extra": "label"}, injected=False)
    deployment = echo.manifests("c1")[1]
    assert deployment["spec"]["selector"]["matchLabels"] == {"app": "echo", "version": "v1"}
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels["sidecar.istio.io/inject"] == "false"
    assert labels["extra"] == "label"


def test_no_proxy_stands_before_the_control_port() -> None:
    annotations = Echo(name="e", namespace="n").manifests("c1")[1]["spec"]["template"]["metadata"][
        "annotations"
    ]
    assert annotations == {"traffic.sidecar.istio.io/excludeInboundPorts": "9001"}


def test_every_service_port_names_its_protocol() -> None:
    manifest = service("merged", "sample", app="echo", annotations={"a": "b"})
    assert manifest["spec"]["selector"] == {"app": "echo"}
    ports = {p["name"]: (p["port"], p["appProtocol"]) for p in manifest["spec"]["ports"]}
    assert ports == {"http": (5000, "http"), "tcp-echo": (9000, "tcp"), "grpc": (7070, "grpc")}


def test_namespaces_ask_for_injection_by_label_or_revision() -> None:
    def labels(*, injected: bool, revision: str = "") -> dict[str, str]:
        manifest = namespace("n", injected=injected, revision=revision)
        return dict(manifest["metadata"]["labels"])

    assert labels(injected=True) == {"istio-injection": "enabled"}
    assert labels(injected=True, revision="canary") == {"istio.io/rev": "canary"}
    assert labels(injected=False) == {"istio-injection": "disabled"}
