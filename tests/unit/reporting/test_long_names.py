"""Names as long as they may be: drawings stay readable, and nothing breaks for want of room."""

from harness import files
from harness.model import Topology
from harness.model.consistency import problems
from harness.reporting.page.drawing import draw, svg
from harness.reporting.sketch import WIDTH, sketch
from harness.verbs.explain import declared

TEXT = """\
name: NAME-t
title: Names as long as they may be
meshes:
  - {id: NAME-a, exports: [{host: HOST.HOST, to: NAME-b}]}
  - {id: NAME-b, trusts: NAME-a}
networks:
  - {name: NAME-1, segment: NAME-s}
  - {name: NAME-2, segment: NAME-s}
clusters:
  - {name: NAME-x, network: NAME-1, mesh: NAME-a}
  - {name: NAME-y, network: NAME-2, mesh: NAME-b}
gateways:
  - {cluster: NAME-x, name: NAME-g, namespace: NAME-n, hosts: ["\u00fcber.HOST", HOST, HOST]}
machines:
  - {name: NAME-m, network: NAME-2, cluster: NAME-x, group: NAME-r}
"""


def long_names() -> Topology:
    text = TEXT.replace("NAME", "n" * 38).replace("HOST", "h" * 60)
    topology = Topology.model_validate(files.parse(text))
    assert problems(topology) == []
    return topology


def test_a_sketch_stays_narrow_and_ascii() -> None:
    made = sketch(long_names())
    assert made.isascii()
    assert max(map(len, made.splitlines())) <= WIDTH


def test_an_explanation_puts_what_it_says_of_long_names_below_them() -> None:
    lines = list(declared(long_names()))
    gateway = f"  {'n' * 38}-x/{'n' * 38}-n/{'n' * 38}-g"
    assert lines[lines.index(gateway) + 1].startswith("      LoadBalancer, port 15443, into ")
    others = [line for line in lines if not line.startswith(f"  {'n' * 38}-")]
    assert max(map(len, others)) <= WIDTH


def test_cards_are_as_wide_as_their_names() -> None:
    topology = long_names()
    drawing = draw(topology)
    assert all(card.width > 8 * len(card.content.name) for card in drawing.cards)
    assert svg(topology).count("<text") > len(drawing.cards)
