import base64
import json

from harness.meshes.istio import remote_secret as rs


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_key_label_and_annotation_name_the_cluster() -> None:
    secret = rs.remote_secret("cluster2", "config", "istio-system")
    assert secret["metadata"]["name"] == "istio-remote-secret-cluster2"
    assert secret["metadata"]["labels"] == {"istio/multiCluster": "true"}
    assert secret["metadata"]["annotations"] == {"networking.istio.io/cluster": "cluster2"}
    assert secret["stringData"] == {"cluster2": "config"}


def test_a_sabotage_may_choose_another_key() -> None:
    secret = rs.remote_secret("cluster2", "config", "istio-system", key="cluster9")
    assert set(secret["stringData"]) == {"cluster9"}


def test_the_kubeconfig_leads_to_the_chosen_server() -> None:
    text = rs.kubeconfig("cluster2", "https://10.77.2.21:6443", rs.Credentials("secret", "PEM"))
    config = json.loads(text)
    (cluster,) = config["clusters"]
    assert cluster["cluster"]["server"] == "https://10.77.2.21:6443"
    assert cluster["cluster"]["certificate-authority-data"] == _encoded("PEM")
    assert config["users"] == [{"name": "cluster2", "user": {"token": "secret"}}]
    assert config["current-context"] == "cluster2"


def test_a_token_is_read_only_when_it_is_there() -> None:
    assert rs.credentials_in(None) is None
    assert rs.credentials_in({"data": {"ca.crt": _encoded("PEM")}}) is None
    filled = {"data": {"ca.crt": _encoded("PEM"), "token": _encoded("t")}}
    assert rs.credentials_in(filled) == rs.Credentials("t", "PEM")


def test_credentials_do_not_show_their_token() -> None:
    assert "hidden" not in repr(rs.Credentials("hidden", "PEM"))
