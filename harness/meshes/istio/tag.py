"""The default revision tag, which ``istioctl install`` adds to what it renders.

``istioctl manifest generate`` leaves it out. The tag's webhook takes over the selectors of
the revision's own injector, which is switched off; a second validator watches resources that
carry no revision, and a second Service leads to the tagged istiod (istio/istio
``operator/pkg/webhook``, ``istioctl/pkg/tag``).
"""

import copy
from collections.abc import Sequence

from harness.kube import Manifest

_NEVER = {
    "matchLabels": {"istio.io/deactivated": "never-match"},
}
_INJECTOR = "istio-sidecar-injector"
_ISTIOD = "istiod"
_TAG = "istio-revision-tag-default"
_VALIDATOR = "istiod-default-validator"


def with_default_tag(rendered: Sequence[Manifest]) -> list[Manifest]:
    """Return ``rendered`` as an installation without a revision leaves it in the cluster."""
    result: list[Manifest] = []
    for manifest in rendered:
        if _is(manifest, "MutatingWebhookConfiguration", _INJECTOR):
            result += [_deactivated(manifest), _tagged(manifest, _TAG)]
        elif manifest["kind"] == "ValidatingWebhookConfiguration":
            result += [manifest, _default_validator(manifest)]
        elif _is(manifest, "Service", _ISTIOD) and manifest["spec"].get("selector"):
            result += [manifest, _tag_service(manifest)]
        else:
            result.append(manifest)
    return result


def _is(manifest: Manifest, kind: str, name: str) -> bool:
    return bool(manifest["kind"] == kind and manifest["metadata"]["name"] == name)


def _deactivated(injector: Manifest) -> Manifest:
    switched_off = copy.deepcopy(injector)
    for webhook in switched_off["webhooks"]:
        webhook["namespaceSelector"] = webhook["objectSelector"] = _NEVER
    return switched_off


def _tagged(original: Manifest, name: str) -> Manifest:
    tagged = copy.deepcopy(original)
    tagged["metadata"]["name"] = name
    tagged["metadata"]["labels"]["istio.io/tag"] = "default"
    return tagged


def _default_validator(validator: Manifest) -> Manifest:
    tagged = _tagged(validator, _VALIDATOR)
    for webhook in tagged["webhooks"]:
        webhook["name"] = "validation.istio.io"
        unrevised = {"key": "istio.io/rev", "operator": "DoesNotExist"}
        webhook["objectSelector"] = {"matchExpressions": [unrevised]}
    return tagged


def _tag_service(service: Manifest) -> Manifest:
    tagged = _tagged(service, f"{_ISTIOD}-revision-tag-default")
    tagged["spec"]["selector"] = {"app": _ISTIOD, "istio.io/rev": "default"}
    return tagged
