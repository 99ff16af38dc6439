"""Many that write one dataset in a bucket at the same time: all succeed, nothing is lost, nothing is there twice.

Usage: check_writers.py PROGRAM TRACES      (from the project's folder)
"""
import sys
import tempfile
import threading
from pathlib import Path

import servers
from places import S3, Place, leftovers, manifest, url
from program import Program, s3_env
from proxy import PASS, Proxy, Request, Then
from said import end, step

WRITERS = 10
ROUNDS = 100


def many(program: Program, place: Place, traces: list[Path], disk: Path) -> None:
    """As many recordings, each appended by a process of its own."""
    first, rest = traces[0], traces[1:WRITERS + 1]
    program.ingest([first], url(place, "many"))
    started = [program.start("ingest", "--quiet", trace, "-o", url(place, "many"), "--append") for trace in rest]
    for process in started:
        done = program.end(process)
        assert done.status == 0, done.err
    program.ingest([first, *rest], disk / "many")
    program.ok("verify", url(place, "many"))
    for table in ("events", "requests", "downstream", "losses"):
        key = "event_id" if table == "events" else "1"
        sql = f"SELECT * FROM {table} ORDER BY trace_id, {key}"
        assert program.rows(url(place, "many"), sql) == program.rows(disk / "many", sql), table
    assert not leftovers(place, "many")


class Meeting:
    """A rule of the proxy: the first puts of a manifest wait for each other, and go to the store together."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2)
        self.met = 0

    def __call__(self, request: Request) -> Then:
        if request.of_manifest and request.conditional:
            self.met += 1
            if self.met <= 2:
                return Then(before=lambda: self.barrier.wait(60) and None)
        return PASS


def at_once(program: Program, place: Place, proxy: Proxy, traces: list[Path]) -> None:
    """Two that commit in the same moment, again and again, from the same dataset of before."""
    base, pair = traces[0], traces[1:3]
    program.ingest([base], url(place, "pair"))
    before = place.get("pair/manifest.json")
    expected = set()
    for _ in range(ROUNDS):
        place.put("pair/manifest.json", before)
        proxy.with_rule(Meeting())
        started = [program.start("ingest", "--quiet", trace, "-o", url(place, "pair"), "--append") for trace in pair]
        for process in started:
            done = program.end(process)
            assert done.status == 0, done.err
        recordings = [r["trace_id"] for r in manifest(place, "pair")["recordings"]]
        expected = expected or set(recordings)
        assert len(recordings) == len(pair) + 1 and set(recordings) == expected, recordings
        leftovers(place, "pair")
    proxy.with_rule(lambda request: PASS)
    program.ok("verify", url(place, "pair"))


def create_at_once(program: Program, place: Place, proxy: Proxy, traces: list[Path]) -> None:
    """Two that make a dataset of the same name: one succeeds, the other is told."""
    for number in range(5):
        proxy.with_rule(Meeting())
        folder = f"first{number}"
        started = [program.start("ingest", "--quiet", trace, "-o", url(place, folder)) for trace in traces[:2]]
        ends = [program.end(process) for process in started]
        assert sorted(done.status for done in ends) == [0, 2], ends
        told = next(done.err for done in ends if done.status)
        assert "somebody else" in told and "--append" in told, told
        assert len(manifest(place, folder)["recordings"]) == 1
        assert not leftovers(place, folder)
    proxy.with_rule(lambda request: PASS)


def release_at_once(program: Program, place: Place, proxy: Proxy, traces: Path) -> None:
    """Two that publish under the same name: one release stands there, whole."""
    program.ingest([traces / "keepalive"], url(place, "a"))
    program.ingest([traces / "prefork"], url(place, "b"))
    options = ["--quiet", "--about", "tests/clients/dataset.toml"]
    for number in range(3):
        release = url(place, f"release{number}")
        ends = [program.start("publish", url(place, dataset), "-o", release, *options) for dataset in "ab"]
        done = [program.end(process) for process in ends]
        assert sorted(d.status for d in done) in ([0, 1], [0, 2]), done
        program.ok("verify", release)


def main(program: Path, traces: Path) -> None:
    recordings = sorted(path for path in (traces / "lttng-2.13").iterdir() if path.is_dir())
    with tempfile.TemporaryDirectory(prefix="sysds-stores-") as scratch:
        disk = Path(scratch)
        with servers.s3(disk) as port, Proxy(port) as proxy:
            tool, place = Program(program, s3_env(proxy.port)), S3(port)
            with step(f"{WRITERS} writers append at the same time"):
                many(tool, place, recordings, disk)
            with step(f"two writers commit in the same moment, {ROUNDS} times"):
                at_once(tool, place, proxy, recordings)
            with step("two writers make the same dataset"):
                create_at_once(tool, place, proxy, recordings)
            with step("two writers make the same release"):
                release_at_once(tool, place, proxy, traces)
    end()


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
