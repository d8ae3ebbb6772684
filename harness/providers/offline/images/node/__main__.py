"""Start the node from its directory, wherever that was copied to; ``store`` fills its store."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def _start() -> int:
    home = Path(__file__).resolve().parent
    spec = spec_from_file_location(
        "node", home / "__init__.py", submodule_search_locations=[str(home)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{home} is no copy of the node")
    package = module_from_spec(spec)
    sys.modules["node"] = package
    spec.loader.exec_module(package)
    from node import first, store  # type: ignore[import-not-found, unused-ignore]

    return int((store if sys.argv[1:] == ["store"] else first).main())


if __name__ == "__main__":
    sys.exit(_start())
