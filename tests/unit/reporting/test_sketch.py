"""The sketches in the files of topologies are what is drawn of them, and drawn anew on demand."""

import os
from pathlib import Path

import pytest

from harness.files import load_topology, topology_files
from harness.model import structure
from harness.reporting.sketch import PLACE, WIDTH, commented, redraw, sketch

ROOT = Path(__file__).parents[3]
FILES = topology_files(ROOT / "topologies", field=True)
#: These are drawn by hand, with what their workloads say to each other.
BY_HAND = {"single-cluster", "multi-primary", "multi-primary-multi-network"}
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def drawn(name: str) -> str:
    return sketch(load_topology(next(path for path in FILES if path.stem == name)))


@every_file
def test_a_file_shows_its_topology_as_it_is_drawn_now(path: Path) -> None:
    head = path.read_text(encoding="utf-8").partition("\nname:")[0]
    shown = head.endswith(f"\n#\n{commented(load_topology(path))}")
    assert shown == (path.stem not in BY_HAND), f"python -m harness.reporting.sketch {path}"


@every_file
def test_a_sketch_is_narrow_and_names_everybody(path: Path) -> None:
    topology = load_topology(path)
    made = sketch(topology)
    assert made.isascii()
    assert max(map(len, made.splitlines())) <= WIDTH
    words = set(made.replace(":", " ").replace(",", " ").split())
    assert {each.name for each in topology.networks} <= words
    assert {each.name for each in structure.members(topology)} <= words


def test_networks_stand_side_by_side_where_they_fit() -> None:
    first = drawn("multi-mesh").splitlines()[0]
    assert first == ("+-- network1 --------------------+   +-- network2 --------------------+")
    tops = [line for line in drawn("four-networks").splitlines() if line.startswith("+-- ")]
    assert len(tops) == 2


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("external-control-plane", "watches 6443 -->  cluster1 (configuration)"),
        ("shared-control-plane-ha", "istiod cluster2  -- configures ---->  cluster2, cluster3"),
        ("config-remote-external", "[istiod] x2"),
        ("blue-green-unlinked", "cluster1         -- knows no pod of -->  cluster2"),
        ("multi-mesh-federated", "mesh mesh1       -- offers offered.sample -->  mesh2"),
        ("multiple-control-planes", "cluster1 (namespaces usergroup=usergroup-1)"),
        ("gateway-only-same-network", "|===|"),
        ("gateway-only-same-network", "network1 and network2 route to each other"),
        ("multi-primary", "On network1 cluster1 and cluster2 reach each other directly."),
        ("renamed-gateway", "labels gateway=crossnetwork"),
        ("node-port-gateways", "type NodePort"),
        ("ambient-multi-primary-multi-network", "class istio-east-west"),
        ("vm-multi-network", "machine1         -- works for --->  cluster1"),
        ("regions-and-zones", "region2/zone4,zone5"),
        ("two-revisions", "revision canary"),
        ("trust-domain-per-cluster", "trust domain cluster2.example"),
        ("version-skew", "version 1."),
    ],
)
def test_what_is_unusual_is_told(name: str, line: str) -> None:
    assert line in drawn(name)


GOOD = f"""\
# What it is for.
#
{PLACE}
name: good
title: Good
networks:
  - name: blue
clusters:
  - {{name: east, network: blue}}
"""


def test_a_sketch_takes_the_place_that_was_kept_and_is_renewed(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    assert redraw(path)
    first = path.read_text()
    assert first == GOOD.replace(PLACE, commented(load_topology(path)))
    path.write_text(first.replace("name: east", "name: west"))
    assert redraw(path)
    assert "# | west (primary) |" in path.read_text()
    assert "east" not in path.read_text()


def test_what_is_drawn_by_hand_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    by_hand = GOOD.replace(PLACE, "#   +---+\n#   | x |\n#   +---+")
    path.write_text(by_hand)
    os.utime(path, (1, 1))
    assert not redraw(path)
    assert path.read_text() == by_hand
    assert path.stat().st_mtime == 1
