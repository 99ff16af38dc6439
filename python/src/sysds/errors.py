"""What goes wrong: one class for each thing that a caller may want to tell apart."""

from __future__ import annotations


class SysdsError(Exception):
    """Anything that this package reports; its text says what, where, and what to do."""


class ProgramNotFound(SysdsError):
    """The program sysds is not where it is looked for."""


class ProgramFailed(SysdsError):
    """The program sysds ended with an error, and said why.

    `command` is what was run, `status` its exit status (negative: the signal that killed it), `said` its stderr.
    """

    def __init__(self, command: list[str], status: int, said: str) -> None:
        self.command = command
        self.status = status
        self.said = said.strip()
        ended = f"was killed by signal {-status}" if status < 0 else f"failed with exit status {status}"
        super().__init__(f"`sysds {command[1]}` {ended}: {self.said or 'it said nothing'}")


class NoSuchPart(SysdsError, LookupError):
    """The sequences have no part of this name."""


class BadSequences(SysdsError, ValueError):
    """A folder does not hold what `sysds sequences` writes, or a later form of it."""


class MissingPackage(SysdsError, ImportError):
    """A package that a method needs is not installed."""

    def __init__(self, package: str, extra: str, why: str) -> None:
        super().__init__(f"{why} needs the package {package}: pip install 'sysds[{extra}]', or pip install {package}")
