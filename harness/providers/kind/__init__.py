"""The kind provider: Kubernetes in containers, as the documentation of Istio has it."""

#: Names another kind command than the one that the artifacts hold (``--kind-binary`` sets it).
KIND_VARIABLE = "MESHPROOF_KIND"
