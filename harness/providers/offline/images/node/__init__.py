"""What runs inside a node as its first process: standard library only, no module of the harness.

A node is a container without systemd. It prepares what a kubelet expects of a machine, keeps
containerd and the kubelet alive, and answers ``systemctl``, by which kubeadm and kind ask.
"""
