"""One Service with an instance in each of four localities, as seen from one caller."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.converge import concurrently
from harness.kube import Manifest
from harness.probes.caller import Caller, as_caller
from harness.probes.cluster_view import ready_pods
from harness.workloads.echo import Echo, service
from harness.workloads.rules import destination_rule
from harness.workloads.site import Site
from harness.workloads.stage import SAMPLE, Host

#: By this label a pod says where it is, whatever its node says (region.zone).
LOCALITY_LABEL = "istio-locality"
#: The instances, from the nearest to the last resort.
HERE, ZONE, REGION, LAST = "here", "zone2", "region2", "region3"
#: How long an outlier stays ejected; seconds. Longer than a check looks, shorter than its patience.
EJECTED = 10


@dataclass(frozen=True, slots=True)
class Places:
    """The Service ``host`` in cluster ``site``, whose ``caller`` is in ``region`` and ``zone``.

    ``here`` is in the caller's zone, ``zone2`` in another one of its region; failover from there
    goes to ``region2``, and ``region3`` is what remains.
    """

    site: Site
    caller: Caller
    region: str
    zone: str

    @property
    def host(self) -> Host:
        """The Service over all of them; of each cluster there is one."""
        return Host(f"placed-{self.site.name}")

    @property
    def localities(self) -> Mapping[str, tuple[str, str]]:
        """Region and zone of each instance."""
        return {
            HERE: (self.region, self.zone),
            ZONE: (self.region, f"{self.zone}-beside"),
            REGION: ("region-next", "zone3"),
            LAST: ("region-last", "zone4"),
        }

    def pattern(self, place: str) -> str:
        """Return the locality of an instance as distributions name it."""
        return "/".join((*self.localities[place], "*"))

    def deployment(self, place: str) -> str:
        """Return the Deployment, and the account, of an instance."""
        return f"{self.host.name}-{place}"

    def instance(self, place: str) -> Caller:
        """Return the agent that serves at a place."""
        labels = f"app={self.host.name},version={place}"
        (pod,) = ready_pods(self.site.kube, SAMPLE, labels)
        return as_caller(self.site, pod)

    def policy(self, setting: Mapping[str, Any]) -> dict[str, Any]:
        """Return a traffic policy with outlier detection, and this locality setting."""
        ejecting = {
            "consecutive5xxErrors": 1,
            "interval": "1s",
            "baseEjectionTime": f"{EJECTED}s",
            "maxEjectionPercent": 100,
        }
        balancing = {"localityLbSetting": {"enabled": True, **setting}}
        return {"loadBalancer": balancing, "outlierDetection": ejecting}

    def failover(self, to: str) -> dict[str, Any]:
        """Return the policy by which the caller's region fails over to that of an instance."""
        return self.policy({"failover": [{"from": self.region, "to": self.localities[to][0]}]})

    def distribution(self, weights: Mapping[str, int]) -> dict[str, Any]:
        """Return the policy that gives instances these shares of the calls from the own zone."""
        shares = {self.pattern(place): weight for place, weight in weights.items() if weight}
        return self.policy({"distribute": [{"from": self.pattern(HERE), "to": shares}]})

    def rule(self, policy: Mapping[str, Any]) -> Manifest:
        """Return the rule that puts a policy in force."""
        host = self.host
        return destination_rule(host.name, host.namespace, host=host.fqdn, policy=policy)


def place_of(site: Site, pod: str) -> tuple[str, str]:
    """Return region and zone of the node that a pod of namespace ``sample`` runs on."""
    node = site.kube.get("Pod", pod, SAMPLE)["spec"]["nodeName"]
    labels = site.kube.get("Node", node)["metadata"]["labels"]
    prefix = "topology.kubernetes.io/"
    return labels.get(f"{prefix}region", ""), labels.get(f"{prefix}zone", "")


@contextmanager
def placed(places: Places) -> Iterator[None]:
    """Have the Service and its instances while the body runs."""
    site, host = places.site, places.host
    instances = [_instance(places, place) for place in places.localities]
    manifests = [each for echo in instances for each in echo.manifests(site.name)]
    with site.applied(service(host.name, host.namespace), *manifests):
        concurrently(lambda echo: site.rolled_out(echo.name, echo.namespace), instances)
        yield


@contextmanager
def moved(places: Places, place: str, to: str) -> Iterator[None]:
    """Let an instance say, while the body runs, that it is where another one is."""
    label = {LOCALITY_LABEL: ".".join(places.localities[to])}
    pod = places.instance(place).pod
    with places.site.patched("Pod", pod, {"metadata": {"labels": label}}, SAMPLE):
        yield


def _instance(places: Places, place: str) -> Echo:
    return Echo(
        name=places.deployment(place),
        app=places.host.name,
        namespace=SAMPLE,
        version=place,
        labels={LOCALITY_LABEL: ".".join(places.localities[place])},
    )
