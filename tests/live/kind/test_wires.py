"""The wires of a kind lab."""

from tests.live.wires import WiresContract


class TestWires(WiresContract):
    pass
