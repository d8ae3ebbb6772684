"""Ways to break what the multi-cluster Services API promises."""

from contextlib import contextmanager

from harness.faults.services_api import ServicesApi
from harness.sabotages.scene import Breaking, Scene


@contextmanager
def mcs_discovery_off(scene: Scene) -> Breaking:
    """Leave Services of the same name merged, as without the API."""
    with _given(scene).spoiled(untold=("ENABLE_MCS_SERVICE_DISCOVERY",)):
        yield


@contextmanager
def cluster_local_off(scene: Scene) -> Breaking:
    """Let exports count for the name in the own cluster, too."""
    with _given(scene).spoiled(untold=("ENABLE_MCS_CLUSTER_LOCAL",)):
        yield


@contextmanager
def no_service_export(scene: Scene) -> Breaking:
    """Export nothing, in no cluster."""
    with _given(scene).spoiled(exporting=False):
        yield


@contextmanager
def service_import_left(scene: Scene) -> Breaking:
    """Leave the import of what is not exported, as after the last export has gone."""
    with _given(scene).spoiled(lasting=True):
        yield


def _given(scene: Scene) -> ServicesApi:
    return scene.given("services_api", ServicesApi)
