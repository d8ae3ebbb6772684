"""The kind provider: Kubernetes in containers, as the documentation of Istio has it."""
