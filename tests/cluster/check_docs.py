"""The commands of docs/guide/scale.md that need a cluster run as they stand.

Usage: check_docs.py PROGRAM TRACES      (from the project's folder)
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, "tests/stores")
from program import Program  # noqa: E402
from said import end, step  # noqa: E402
from servers import dies_with_us  # noqa: E402

PAGE = Path("docs/guide/scale.md")
BLOCK = re.compile(r"<!-- not run: tests/cluster/check_docs.py runs it -->\n```sh\n(.*?)```", re.DOTALL)


def run(block: str, folder: Path, env: dict[str, str]) -> None:
    shell = subprocess.Popen(["sh", "-eu", "-c", block], cwd=folder, env=env, stdin=subprocess.DEVNULL, preexec_fn=dies_with_us)
    assert shell.wait(120) == 0, block


def main(path: Path, traces: Path) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) == 2, len(blocks)
    with tempfile.TemporaryDirectory(prefix="sysds-cluster-") as scratch:
        folder = Path(scratch)
        program = Program(path, {}, folder)
        for trace in ("keepalive", "prefork"):
            program.ingest([traces / trace], folder / "fleet", "--append", "--label", trace)
        folder.joinpath("bin").mkdir()
        folder.joinpath("bin/sysds").symlink_to(path)
        env = {**program.environment(), "PATH": f"{folder}/bin:{os.environ['PATH']}"}
        executors = subprocess.Popen(["sh", "-eu", "-c", blocks[0] + "\nwait"], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                     start_new_session=True, preexec_fn=dies_with_us)
        try:
            time.sleep(2)
            with step("the commands of the guide"):
                run(blocks[1], folder, env)
                assert (folder / "halves").is_dir()
        finally:
            os.killpg(executors.pid, signal.SIGTERM)
            executors.wait()
    end()


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
