"""The benchmarks' arithmetic and options; what they measure is measured on labs alone."""

import pytest

from benchmarks import providers, topologies
from benchmarks.measure import Raised, topology
from benchmarks.memory import without_page_cache
from benchmarks.table import print_table


def _raised(seconds: float, memory: float = 1.0) -> Raised:
    return Raised(seconds, 0.0, 0.0, 1.0, int(memory * 1e9))


def test_page_cache_does_not_count_on_either_version_of_cgroups() -> None:
    second = {"active_file": 20, "inactive_file": 10, "anon": 70}
    first = {"active_file": 1, "total_active_file": 20, "total_inactive_file": 10}
    for detail in (first, second):
        assert without_page_cache({"usage": 100, "stats": detail}) == 70


def test_ratios_are_taken_within_a_run_not_between_medians() -> None:
    taken = {
        "embedded": [_raised(10), _raised(20)],
        "kind": [_raised(20), _raised(60)],
        "by-hand": [_raised(80), _raised(60)],
    }
    rows = {what: values for what, values, _ in providers.table(taken)}
    assert rows["kind / embedded"] == [2.0, 3.0]
    assert rows["by-hand / kind"] == [4.0, 1.0]


def test_a_ratio_is_left_out_with_one_of_its_ways() -> None:
    whats = [what for what, _, _ in providers.table({"embedded": [_raised(10)]})]
    assert not any("/" in what for what in whats)


def test_every_row_is_printed_though_an_early_goal_is_missed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = providers.table({"kind": [_raised(36)], "by-hand": [_raised(90)]})
    assert not print_table(rows)
    assert "by-hand / kind" in capsys.readouterr().out


@pytest.mark.parametrize(("seconds", "memory", "met"), [(35, 2.5, True), (34, 2.6, False)])
def test_kind_has_goals_for_seconds_and_for_memory(
    seconds: float, memory: float, met: bool
) -> None:
    assert print_table(providers.table({"kind": [_raised(seconds, memory)]})) is met


def test_a_topology_has_the_goal_of_its_number_of_clusters() -> None:
    assert topologies.goal(topology("single-cluster")) == 18
    assert topologies.goal(topology("multi-primary")) == 18
    assert topologies.goal(topology("hybrid-three-clusters")) == 24
    assert topologies.goal_met(topology("multi-primary"), [_raised(30), _raised(17), _raised(18)])
    assert not topologies.goal_met(topology("multi-primary"), [_raised(19)])


def test_what_one_more_cluster_costs_is_the_slope_over_all_labs() -> None:
    taken = {
        "single-cluster": (topology("single-cluster"), [_raised(10, 1.0)]),
        "multi-primary": (topology("multi-primary"), [_raised(13, 1.5), _raised(13, 1.5)]),
    }
    assert topologies.slopes(taken) == [
        "one more cluster: 3.00 s (goal 4)",
        "one more cluster: 0.50 GB (goal 0.6)",
    ]
    assert topologies.slopes({"multi-primary": taken["multi-primary"]}) == []


def test_an_unknown_topology_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        topologies.main(["multi-primry"])
    assert "no topology multi-primry; there is: ambient-multi-primary" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ways", "kind,minikube"], "no way 'minikube'; there is: embedded, kind, by-hand"),
        (["--runs", "0"], "'0' is no number of runs"),
        (["--runs", "few"], "'few' is no number of runs"),
    ],
)
def test_wrong_options_are_refused_with_the_right_ones(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        providers.main(options)
    assert said in capsys.readouterr().err
