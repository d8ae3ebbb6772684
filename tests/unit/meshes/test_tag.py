from harness.kube import Manifest
from harness.meshes.istio.tag import with_default_tag


def test_the_tag_takes_over_and_the_injector_is_switched_off(injector: Manifest) -> None:
    off, tag = with_default_tag([injector])
    assert off["metadata"]["name"] == "istio-sidecar-injector"
    assert off["webhooks"][0]["namespaceSelector"]["matchLabels"] == {
        "istio.io/deactivated": "never-match"
    }
    assert tag["metadata"]["name"] == "istio-revision-tag-default"
    assert tag["metadata"]["labels"] == {"istio.io/rev": "default", "istio.io/tag": "default"}
    assert tag["webhooks"] == injector["webhooks"]


def test_a_second_validator_watches_what_has_no_revision() -> None:
    validator: Manifest = {
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "istio-validator-istio-system", "labels": {}},
        "webhooks": [{"name": "rev.validation.istio.io", "objectSelector": {}}],
    }
    first, second = with_default_tag([validator])
    assert first == validator
    assert second["metadata"]["name"] == "istiod-default-validator"
    (expression,) = second["webhooks"][0]["objectSelector"]["matchExpressions"]
    assert expression == {"key": "istio.io/rev", "operator": "DoesNotExist"}


def test_everything_else_stays_as_it_is() -> None:
    account: Manifest = {"kind": "ServiceAccount", "metadata": {"name": "istiod"}}
    assert with_default_tag([account]) == [account]


def test_a_second_service_leads_to_the_tagged_istiod() -> None:
    service: Manifest = {
        "kind": "Service",
        "metadata": {"name": "istiod", "labels": {}},
        "spec": {"selector": {"app": "istiod", "istio": "pilot"}, "ports": [{"port": 15012}]},
    }
    first, second = with_default_tag([service])
    assert first == service
    assert second["metadata"]["name"] == "istiod-revision-tag-default"
    assert second["spec"]["selector"] == {"app": "istiod", "istio.io/rev": "default"}
    assert second["spec"]["ports"] == service["spec"]["ports"]
