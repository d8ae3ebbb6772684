"""Start the agent from its directory, wherever that was copied to and whatever it is called."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def _start() -> int:
    home = Path(__file__).absolute().parent
    # Before all others: a machine may have packages of the same names in other versions.
    sys.path.insert(0, str(home.parent / "packages"))
    # By location, because the parent of an installed copy may hold modules of any name.
    spec = spec_from_file_location(
        "agent", home / "__init__.py", submodule_search_locations=[str(home)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{home} is no copy of the agent")
    package = module_from_spec(spec)
    sys.modules["agent"] = package
    spec.loader.exec_module(package)
    from agent.program import main  # type: ignore[import-not-found, unused-ignore]

    return int(main())


if __name__ == "__main__":
    sys.exit(_start())
