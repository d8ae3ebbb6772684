"""By which domain Services are called."""

from harness.converge import concurrently
from harness.workloads.naming import named_in, service_name
from harness.workloads.stage import ECHO, Host


def test_services_are_called_by_the_domain_of_their_clusters() -> None:
    abroad = Host("ledger", "sample", "svc.bank.global")
    assert ECHO.fqdn == "echo.sample.svc.cluster.local"
    with named_in("corp.example"):
        assert ECHO.fqdn == service_name("echo", "sample") == "echo.sample.svc.corp.example"
        assert ECHO.sni() == "outbound_.5000_._.echo.sample.svc.corp.example"
        assert concurrently(lambda host: host.fqdn, [ECHO, ECHO]) == [ECHO.fqdn] * 2
        assert abroad.fqdn == "ledger.sample.svc.bank.global"
    assert ECHO.fqdn == "echo.sample.svc.cluster.local"
