"""A writer that is killed: the dataset is that of before or the new one, and what is left is found by `sysds clean`.

Usage: check_kills.py PROGRAM TRACES      (from the project's folder)

The moments are requests: it is killed before the store sees each of them, and, for every other one, when the store has done it but the
program does not know.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import repeated
import servers
from places import S3, leftovers, manifest, url
from program import Program, s3_env
from proxy import PASS, Proxy, Request, Then, aged
from said import end, step

MOMENTS = 10


class Killer:
    """Kills the program at one of its writing requests."""

    def __init__(self, moment: int, before: bool) -> None:
        self.moment, self.before, self.seen = moment, before, 0
        self.process: subprocess.Popen[str] | None = None

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def __call__(self, request: Request) -> Then:
        if request.method in ("PUT", "POST", "DELETE"):
            self.seen += 1
            if self.seen == self.moment:
                return Then(before=self.kill, lose_answer=True) if self.before else Then(after=self.kill, lose_answer=True)
            if self.seen > self.moment:
                return Then(lose_answer=True, answer=503)
        return PASS


def killed(program: Program, place: S3, proxy: Proxy, traces: Path, folder: str, killer: Killer) -> bool:
    """Whether it was killed, and not done before."""
    base = traces / "lttng-2.13" / "ctf1-late"
    program.ingest([base], url(place, folder))
    before = place.get(f"{folder}/manifest.json")
    proxy.with_rule(killer)
    args = ["ingest", "--quiet", traces / "long", "-o", url(place, folder), "--append", "--compression", "none"]
    killer.process = program.start(*args)
    done = program.end(killer.process)
    proxy.with_rule(lambda request: PASS)
    recordings = len(manifest(place, folder)["recordings"])
    assert recordings == 2 or place.get(f"{folder}/manifest.json") == before
    left = leftovers(place, folder)
    program.ok("verify", url(place, folder))
    proxy.with_rule(lambda request: Then(change=aged(2 * 86400)) if request.method == "GET" else PASS)
    program.ok("clean", url(place, folder))
    proxy.with_rule(lambda request: PASS)
    assert not leftovers(place, folder), left
    # It can be made again.
    program.ingest([traces / "lttng-2.13" / "ctf1-pid"], url(place, folder), "--append")
    assert len(manifest(place, folder)["recordings"]) == recordings + 1
    return done.status != 0


def main(program: Path, traces: Path) -> None:
    repeated.trace(traces / "prefork", traces / "long", 4)
    with tempfile.TemporaryDirectory(prefix="sysds-stores-") as scratch, \
            servers.s3(Path(scratch)) as port, Proxy(port) as proxy:
        tool, place = Program(program, s3_env(proxy.port) | {"SYSDS_STORE_TRY_SECONDS": "4"}), S3(port)
        count = 0
        for before in (True, False):
            for moment in range(1, 40) if before else range(2, 40, 2):
                with step(f"killed {'before' if before else 'after'} writing request {moment}"):
                    count += 1
                    if not killed(tool, place, proxy, traces, f"k{count}", Killer(moment, before)):
                        break
        assert count >= 20, count
    end()


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
