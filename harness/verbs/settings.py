"""What pytest's configuration says of paths, for commands that run without pytest."""

import configparser
import tomllib
from collections.abc import Mapping
from pathlib import Path

from harness.model import ConfigError


def setting(name: str, default: str) -> Path:
    """Return a path that pytest's configuration names: of the nearest directory that has one."""
    for directory in (here := Path.cwd(), *here.parents):
        ini = _ini(directory)
        if name in ini or (directory / default).exists():
            return directory / ini.get(name, default)
    return Path(default)


def _ini(directory: Path) -> Mapping[str, str]:
    for file in ("pytest.ini", "tox.ini", "setup.cfg"):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(directory / file, encoding="utf-8")
        except configparser.Error as error:
            raise ConfigError(str(directory / file), [str(error)]) from error
        section = "tool:pytest" if file == "setup.cfg" else "pytest"
        if parser.has_section(section):
            return dict(parser[section])
    return _project(directory / "pyproject.toml")


def _project(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), [f"not TOML: {error}"]) from error
    return dict(tables.get("tool", {}).get("pytest", {}).get("ini_options", {}))
