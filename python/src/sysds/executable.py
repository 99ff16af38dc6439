"""The program sysds: where it is, and how it is run.

A wheel carries the program; pip puts it into the folder of scripts of the environment. There it is looked for first, so
that package and program are of one version. SYSDS_PROGRAM goes before that: whoever sets it wants another one.
"""

from __future__ import annotations

import functools
import os
import shutil
import site
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from .errors import ProgramFailed, ProgramNotFound

VARIABLE = "SYSDS_PROGRAM"


def program() -> Path:
    """The program sysds: what SYSDS_PROGRAM names, else that of this environment, else the first in PATH."""
    named = os.environ.get(VARIABLE)
    if named:
        if not _runs(Path(named)):
            raise ProgramNotFound(f"{VARIABLE} names {named}, which is no program that can be run: correct it, or unset it")
        return Path(named).absolute()
    for scripts in _script_folders():
        if _runs(scripts / "sysds"):
            return scripts / "sysds"
    found = shutil.which("sysds")
    if found:
        return Path(found)
    raise ProgramNotFound(
        f"the program sysds is not in {', '.join(map(str, _script_folders()))}, nor in PATH. Install the package as a wheel, "
        f"which carries it (pip install ./python in a clone of the repository), or name it: {VARIABLE}=/path/to/sysds"
    )


def _script_folders() -> list[Path]:
    """Where pip puts programs: of the environment, of `pip install --user` where that counts, and of `pip install --target`."""
    folders = [Path(sysconfig.get_path("scripts"))]
    if site.ENABLE_USER_SITE:
        folders.append(Path(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))))
    folders.append(Path(__file__).resolve().parent.parent / "bin")
    return list(dict.fromkeys(folders))


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def run(arguments: Sequence[str | os.PathLike[str]]) -> str:
    """Runs the program with these arguments, and returns what it printed.

    Raises ProgramFailed, with what it said, if it ends with another status than 0.
    """
    command = [str(program()), *(os.fspath(a) for a in arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise ProgramFailed(command, done.returncode, done.stderr)
    return done.stdout


def program_version() -> str:
    """What `sysds --version` prints, as "sysds 0.1.0"."""
    return _version_of(program())


@functools.lru_cache(maxsize=8)
def _version_of(path: Path) -> str:
    done = subprocess.run([path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ProgramFailed([str(path), "--version"], done.returncode, done.stderr)
    return done.stdout.strip()
