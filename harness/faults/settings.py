"""Run control planes with another setting in their environment."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.workloads.site import Site


@contextmanager
def istiod_setting(site: Site, name: str, value: str) -> Iterator[None]:
    """Run the body while the istiod of a cluster has a variable in its environment.

    Its pods are replaced both times.
    """
    shape = site.shape
    found = site.kube.get("Deployment", shape.istiod, shape.system)
    containers = found["spec"]["template"]["spec"]["containers"]
    first = containers[0]
    env = [*(each for each in first["env"] if each["name"] != name), {"name": name, "value": value}]
    changed = [{**first, "env": env}, *containers[1:]]
    patch = {"spec": {"template": {"spec": {"containers": changed}}}}
    try:
        with site.patched("Deployment", shape.istiod, patch, shape.system):
            site.rolled_out(shape.istiod, shape.system)
            yield
    finally:
        site.rolled_out(shape.istiod, shape.system)
