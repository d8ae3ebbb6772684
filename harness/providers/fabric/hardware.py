"""Hardware addresses of links, made of their IP addresses."""

from ipaddress import IPv4Address


def hardware_address(address: str) -> str:
    """Return the one of a link with this IPv4 address, which is the same whenever it is made.

    Whoever gets an address that another had before is not taken for that other by its neighbours.
    """
    return "0a:58:" + ":".join(f"{octet:02x}" for octet in IPv4Address(address).packed)
