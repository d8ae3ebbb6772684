"""Which versions of Istio and Kubernetes are offered, and what each needs beside its name.

Module mirrors differ in which revisions they serve, and refuse some that a revision requires:
each of these was resolved against a mirror with what stands here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

#: Requirements raised to versions that module mirrors serve.
_RAISED = (
    "github.com/envoyproxy/go-control-plane/envoy@v1.39.0",
    "github.com/envoyproxy/go-control-plane/contrib@v1.36.1-0.20260729145720-a2d8c7492908",
    "istio.io/api@v1.31.1",
    "istio.io/client-go@v1.31.1",
)
_AGENTGATEWAY = "github.com/agentgateway/agentgateway/api"
#: Those that the older revisions require are refused; the default's own is served.
_SERVED = (f"{_AGENTGATEWAY}={_AGENTGATEWAY}@v0.0.0-20260501213430-773586679f1c",)


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of ``istio.io/istio``: what its builds call themselves, and its module.

    ``gateway_api`` is the version of that API which it requires.
    """

    version: str
    module_version: str
    raised: tuple[str, ...] = _RAISED
    replaced: tuple[str, ...] = ()
    gateway_api: str = "1.5.1"


#: The default first. A revision is called by what its own file ``VERSION`` says, but for the
#: default, which is called by the release that was to follow.
ISTIO = (
    Revision("1.32-alpha.eed52ebb", "v0.0.0-20260827124520-eed52ebb66ad", gateway_api="1.6.0"),
    Revision("1.31-alpha.b01690e6", "v0.0.0-20260423205519-b01690e6db7d", replaced=_SERVED),
    Revision("1.30-alpha.9739e10e", "v0.0.0-20260826214018-9739e10eb9d7", replaced=_SERVED),
)
#: The newest first.
GATEWAY_API = ("1.6.0", "1.5.1")
#: The default first.
KUBERNETES = (
    *("1.34.4", "1.34.0", "1.34.1", "1.34.2", "1.34.3"),
    *("1.35.4", "1.36.1", "1.36.3", "1.37.2"),
)

_STAGING = (
    *("api", "apiextensions-apiserver", "apimachinery", "apiserver", "cli-runtime", "client-go"),
    *("cloud-provider", "cluster-bootstrap", "code-generator", "component-base"),
    *("component-helpers", "controller-manager", "cri-api", "cri-client", "csi-translation-lib"),
    *("dynamic-resource-allocation", "endpointslice", "externaljwt", "kms", "kube-aggregator"),
    *("kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet", "metrics"),
    *("mount-utils", "pod-security-admission", "sample-apiserver", "sample-cli-plugin"),
    "sample-controller",
)
#: What was split off later, by the first minor version that has it.
_STAGED_SINCE = {36: ("cri-streaming", "streaming")}


def istio_name(version: str) -> str:
    """Return what a version of Istio is called here if it is asked for by its module version."""
    return next((each.version for each in ISTIO if each.module_version == version), version)


def gateway_api_of(version: str) -> str:
    """Return the version of the Gateway API for a version of Istio; the newest for one unknown."""
    return next((each.gateway_api for each in ISTIO if each.version == version), GATEWAY_API[0])


def istio_revision(version: str) -> Revision:
    """Return the revision that is called ``version``, which must be one of :data:`ISTIO`."""
    return next(each for each in ISTIO if each.version == version)


def staging(version: str) -> Iterable[str]:
    """Return the modules that Kubernetes' own module takes from its tree, published beside it."""
    minor = int(version.split(".")[1])
    later = (name for since, names in _STAGED_SINCE.items() if minor >= since for name in names)
    return (*_STAGING, *later)
