"""Executors of a cluster on this machine, which end with this process, however it ends."""
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, "tests/stores")
from program import Program  # noqa: E402
from servers import dies_with_us  # noqa: E402

MEMORY = "512M"


class Executor:
    """One of them."""

    def __init__(self, program: Program, before: list[str] | None = None, listen: str = "127.0.0.1:0") -> None:
        command = [*(before or []), str(program.path), "cluster", "executor", "--listen", listen, "--memory", MEMORY]
        self.program, self.before = program, before
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True, env=program.environment(), preexec_fn=dies_with_us)
        assert self.process.stderr
        said = self.process.stderr.readline()
        assert said.startswith("executor of sysds "), said + self.process.stderr.read()
        self.address = said.split()[-1]

    def end(self) -> None:
        """By SIGKILL."""
        self.process.kill()
        self.process.wait()

    def again(self) -> "Executor":
        """Another one at the same address."""
        self.end()
        return Executor(self.program, self.before, self.address)


@contextmanager
def cluster(program: Program, count: int) -> Iterator[list[Executor]]:
    """So many executors, which who has them may replace."""
    executors = [Executor(program) for _ in range(count)]
    try:
        yield executors
    finally:
        for executor in executors:
            executor.end()


def url(executors: list[Executor]) -> str:
    return "df://" + ",".join(executor.address for executor in executors)
