"""The programs of one lab, each cluster's and each image's of the version that it asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import artifacts
from harness.artifacts import Artifact, supply
from harness.model import ClusterPlan, NetworkPlan, Program
from harness.phases import Phases
from harness.providers.base import RaiseOptions
from harness.providers.embedded import control_plane, images
from harness.providers.podrunner.config import Image

Versions = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Supplies:
    """``control_planes`` are programs by cluster, ``images`` are by the names that pods use."""

    control_planes: Mapping[str, Mapping[str, Path]]
    images: Mapping[str, Image]
    programs: Sequence[Program]


def gathered(plan: NetworkPlan, options: RaiseOptions, phases: Phases) -> Supplies:
    """Have every program, made first if need be."""
    found: dict[tuple[str, ...], Artifact] = {}

    def had(names: Sequence[str], versions: Versions) -> dict[str, Path]:
        made = artifacts.ensure(names, phases, versions)
        for artifact in made.values():
            found[artifact.program.name, artifact.program.version] = artifact
        return {name: artifact.path for name, artifact in made.items()}

    table = images.table(options.images)
    pods = {
        name: images.image(source, had([*source.files.values()], source.versions))
        for name, source in table.items()
    }
    planes = {
        cluster.name: had(control_plane.PROGRAMS, versions_of(cluster, options))
        for cluster in plan.clusters
    }
    return Supplies(planes, images.by_name(pods), [each.program for each in found.values()])


def versions_of(cluster: ClusterPlan, options: RaiseOptions) -> dict[str, str]:
    """Return what a cluster asks for beside the defaults."""
    version = cluster.kubernetes or options.kubernetes
    return {"kubernetes": version} if version else {}


def unavailable(clusters: Sequence[ClusterPlan], options: RaiseOptions) -> list[str]:
    """Say which versions of Kubernetes nobody has, in full which there are."""
    asked = [versions_of(cluster, options) for cluster in clusters]
    problems = [
        problem
        for versions in asked
        for problem in supply.unavailable(control_plane.PROGRAMS, versions)
    ]
    return list(dict.fromkeys(problems))
