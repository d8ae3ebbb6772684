"""meshproof: a conformance harness for Istio meshes that span clusters and networks."""
