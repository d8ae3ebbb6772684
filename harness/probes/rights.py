"""What somebody may do in a cluster, by access reviews with their own credentials."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness.kube import Kube, Manifest
from harness.model import ApiError

READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete", "deletecollection")
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_UNAUTHORIZED = 401
_AT_ONCE = 16


@dataclass(frozen=True, slots=True, order=True)
class Action:
    """A verb on a resource, named as kubectl names it: ``pods``, ``pods/exec``, ``leases.GROUP``.

    In one namespace, or in all of them where none is named.
    """

    verb: str
    resource: str
    namespace: str = ""

    def review(self) -> Manifest:
        """Return the question whether whoever asks may do it."""
        name, _, subresource = self.resource.partition("/")
        plural, _, group = name.partition(".")
        asked = {
            "verb": self.verb,
            "group": group,
            "resource": plural,
            "subresource": subresource,
            "namespace": self.namespace,
        }
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }

    def __str__(self) -> str:
        """Say it as one would ask kubectl."""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{where}"


def granted(kube: Kube, actions: Iterable[Action]) -> list[Action]:
    """Return those that the API server grants to whoever ``kube`` is; it knows nobody: none."""
    asked = list(actions)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda action: _may(kube, action), asked))
    return [action for action, yes in zip(asked, answers, strict=True) if yes]


def who(kube: Kube) -> str:
    """Return the name by which the API server knows ``kube``, empty if it does not."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        said = kube.request("POST", _SELF, review).json()
    except ApiError as error:
        if error.status == _UNAUTHORIZED:
            return ""
        raise
    return str(said["status"]["userInfo"]["username"])


def served(kube: Kube) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every resource that an API server serves, as kubectl names it, with its verbs."""
    groups = kube.request("GET", "/apis").json()["groups"]
    preferred = [f"apis/{group['preferredVersion']['groupVersion']}" for group in groups]
    for version in ("api/v1", *preferred):
        group = version.split("/")[1] if version.startswith("apis/") else ""
        for each in kube.request("GET", f"/{version}").json()["resources"]:
            plural, slash, subresource = each["name"].partition("/")
            dotted = f"{plural}.{group}" if group else plural
            yield f"{dotted}{slash}{subresource}", tuple(each["verbs"])


def _may(kube: Kube, action: Action) -> bool:
    try:
        said = kube.request("POST", _REVIEWS, action.review()).json()
    except ApiError as error:
        if error.status == _UNAUTHORIZED:
            return False
        raise
    return bool(said["status"]["allowed"])
