"""The wires of an embedded lab."""

from tests.live.wires import WiresContract


class TestWires(WiresContract):
    pass
