"""What a proxy says of its client in x-forwarded-client-cert."""

import pytest

from harness.agent.messages import caller_of

SERVER, CALLER = "spiffe://td/ns/a/sa/server", "spiffe://td/ns/b/sa/caller"
HASH = "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688"


@pytest.mark.parametrize(
    "forwarded",
    [
        f'By={SERVER};{HASH};Subject="";URI={CALLER}',
        f"By=spiffe://td/first;URI=spiffe://td/far,By={SERVER};{HASH};URI={CALLER}",
        f'By={SERVER};{HASH};Subject="O=SPIRE,C=US";URI={CALLER}',
        f'By={SERVER};{HASH};Subject="CN=a;b,OU=\\"quoted, by\\";x,C=US";URI={CALLER}',
        f'By=x;Subject="O=A,C=B";URI=y,By={SERVER};Subject="O=SPIRE,C=US";URI={CALLER}',
        f'By={SERVER};Cert="-----BEGIN%20CERTIFICATE-----%0A";Chain="a,b;c";URI={CALLER};DNS=x',
        f'by={SERVER}; {HASH}; uri="{CALLER}"',
        f"By={SERVER};URI={CALLER};URI=spiffe://td/second-name",
        f"By={SERVER};URI={CALLER},",
    ],
    ids=[
        "one",
        "several",
        "comma-in-quotes",
        "escaped-quotes",
        "quotes-in-several",
        "certificates",
        "quoted-value",
        "two-names",
        "empty-element",
    ],
)
def test_the_nearest_proxy_names_caller_and_server(forwarded: str) -> None:
    assert caller_of(forwarded) == (CALLER, SERVER)


@pytest.mark.parametrize("forwarded", ["", ",", ";", "=", "Hash=1", '"', 'Subject="URI=x'])
def test_who_is_not_named_is_nobody(forwarded: str) -> None:
    assert caller_of(forwarded) == ("", "")


def test_quotes_are_taken_off_and_escapes_resolved() -> None:
    assert caller_of('By=a;URI="spiffe://td/\\"odd\\",name"') == ('spiffe://td/"odd",name', "a")
