"""A store that fails: the program goes on where it can, else it says what is wrong and leaves the dataset as it was.

Usage: check_faults.py PROGRAM TRACES      (from the project's folder)
"""
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import repeated
import servers
from places import S3, leftovers, manifest, url
from program import Done, Program, s3_env
from proxy import PASS, Proxy, Request, Rule, Then
from said import end, step

# How long a store is tried here, and how long an answer may take.
TRIED = {"SYSDS_STORE_TRY_SECONDS": "3"}
HASTY = {"AWS_TIMEOUT": "1s"}


def always(then: Then, where: Callable[[Request], bool] = lambda request: True) -> Rule:
    return lambda request: then if where(request) else PASS


def first(then: Then, where: Callable[[Request], bool] = lambda request: True, times: int = 1) -> Rule:
    """Only the first such requests."""
    left = [times]

    def rule(request: Request) -> Then:
        if where(request) and left[0] > 0:
            left[0] -= 1
            return then
        return PASS
    return rule


def every(nth: int, then: Then) -> Rule:
    return lambda request: then if request.number % nth == 0 else PASS


def writes(request: Request) -> bool:
    return request.method in ("PUT", "POST", "DELETE")


def reads(request: Request) -> bool:
    return request.method == "GET" and ".parquet" in request.name


def of_manifest(request: Request) -> bool:
    return request.of_manifest


def completes(request: Request) -> bool:
    return request.method == "POST" and "uploadId=" in request.target


def part(request: Request) -> bool:
    return request.is_part


# What goes wrong for a while, and must make no difference.
PASSING: dict[str, Rule | Callable[[], Rule]] = {
    "500 now and then": lambda: every(3, Then(answer=500)),
    "503 now and then": lambda: every(3, Then(answer=503)),
    "a part is late": lambda: first(Then(sleep=2), part),
    "the manifest is late": lambda: first(Then(sleep=2), of_manifest),
    "the connection ends in the middle of a part": lambda: first(Then(cut_request=True), part, 2),
    "the connection ends in the middle of the manifest": lambda: first(Then(cut_request=True), of_manifest),
    "the answer to a part is lost": lambda: first(Then(lose_answer=True), part),
    "the answer to the end of an upload is lost": lambda: first(Then(lose_answer=True), completes),
    "the answer to the manifest is lost": lambda: first(Then(lose_answer=True), of_manifest),
    "half of the answer to the manifest is lost": lambda: first(Then(cut_answer=True), of_manifest),
    "every first answer is lost": lambda: every_name_once(Then(lose_answer=True)),
}

# What stays wrong: the rule, and a word of what must be said.
LASTING: dict[str, tuple[Rule, str]] = {
    "500 always": (always(Then(answer=500)), "500"),
    "503 always": (always(Then(answer=503)), "503"),
    "503 to the manifest": (always(Then(answer=503), of_manifest), "503"),
    "500 to parts": (always(Then(answer=500), part), "500"),
    "no answer in time": (always(Then(sleep=1.5)), "time"),
    "no answer to parts": (always(Then(sleep=1.5), part), "time"),
    "read-only": (always(Then(answer=403), writes), "denies"),
    "parts are denied": (always(Then(answer=403), part), "denies"),
    "the manifest is denied": (always(Then(answer=403), of_manifest), "denies"),
    "all is denied": (always(Then(answer=403)), "denies"),
    "the connection always ends in the middle": (always(Then(cut_request=True), writes), "connection"),
    "conditions are ignored": (always(Then(without_conditions=True)), "does not heed conditions"),
}


def every_name_once(then: Then) -> Rule:
    """The first request of each method for each object."""
    seen: set[tuple[str, str]] = set()

    def rule(request: Request) -> Then:
        key = (request.method, request.target)
        new = key not in seen
        seen.add(key)
        return then if new else PASS
    return rule


@dataclass
class Checks:
    program: Program
    place: S3
    proxy: Proxy
    traces: Path
    number: int = 0

    def ingest(self, folder: str, trace: str, *options: str) -> Done:
        args = ["ingest", "--quiet", self.traces / trace, "-o", url(self.place, folder), "--compression", "none"]
        return self.program.run(*args, *options)

    def based(self) -> str:
        """A folder with a dataset of one recording."""
        self.number += 1
        folder = f"d{self.number}"
        self.proxy.with_rule(lambda request: PASS)
        done = self.ingest(folder, "lttng-2.13/ctf1-late")
        assert done.status == 0, done.err
        return folder

    def passing(self, name: str, rule: Rule) -> None:
        folder = self.based()
        self.proxy.with_rule(rule)
        done = self.ingest(folder, trace_for(name), "--append")
        assert done.status == 0, done
        self.proxy.with_rule(lambda request: PASS)
        assert len(manifest(self.place, folder)["recordings"]) == 2
        assert not leftovers(self.place, folder)
        self.program.ok("verify", url(self.place, folder))

    def lasting(self, name: str, rule: Rule, word: str, new: bool) -> None:
        folder = f"new{self.number}" if new else self.based()
        before = self.place.objects(folder)
        text = None if new else self.place.get(f"{folder}/manifest.json")
        self.number += 1
        self.proxy.with_rule(rule)
        done = self.ingest(folder, trace_for(name), *([] if new else ["--append"]))
        self.proxy.with_rule(lambda request: PASS)
        assert done.status == 1, done
        told_well(done, word)
        after = self.place.objects(folder)
        if not new:
            assert self.place.get(f"{folder}/manifest.json") == text
        assert "manifest.json" in after or new
        # What cannot be removed is left to `sysds clean`.
        assert set(before) <= set(after)
        left = leftovers(self.place, folder)
        if left and not new:
            listed = self.program.ok("clean", url(self.place, folder), "--dry-run")
            assert all(name.rpartition("/")[2] in listed for name in left), (left, listed)

    def reading(self, rule: Rule, succeeds: bool) -> None:
        self.proxy.with_rule(rule)
        for args in (["query", "latency", "-d"], ["verify"], ["inspect"]):
            done = self.program.run(*args, url(self.place, "read"))
            assert (done.status == 0) == succeeds, (args, done)
            if not succeeds:
                told_well(done, "")
        self.proxy.with_rule(lambda request: PASS)


def trace_for(name: str) -> str:
    """A trace whose files go in parts, where those are what fails."""
    return "long" if any(word in name for word in ("part", "upload", "every")) else "keepalive"


def told_well(done: Done, word: str) -> None:
    """One message with what to do, and no more than a user can use."""
    lines = done.err.strip().splitlines()
    assert sum(line.startswith("error:") for line in lines) == 1, done.err
    assert word in done.err and "help:" in done.err, (word, done.err)
    for never in ("<?xml", "<Error>", "max_retries", "panicked", "Generic", "Some(", "RetryError", "source:"):
        assert never not in done.err, done.err
    assert len(done.err) < 900, done.err


READING: dict[str, tuple[Callable[[], Rule], bool]] = {
    "reading: 500 now and then": (lambda: every(3, Then(answer=500)), True),
    "reading: an answer is cut": (lambda: every_name_once(Then(cut_answer=True)), True),
    "reading: an answer is late": (lambda: first(Then(sleep=2), reads), True),
    "reading: 503 always": (lambda: always(Then(answer=503)), False),
    "reading: answers are always cut": (lambda: always(Then(cut_answer=True), reads), False),
    "reading: files are denied": (lambda: always(Then(answer=403), reads), False),
}


def main(program: Path, traces: Path) -> None:
    repeated.trace(traces / "prefork", traces / "long", 4)
    with tempfile.TemporaryDirectory(prefix="sysds-stores-") as scratch, \
            servers.s3(Path(scratch)) as port, Proxy(port) as proxy:
        tool = Program(program, s3_env(proxy.port) | TRIED | HASTY)
        checks = Checks(tool, S3(port), proxy, traces)
        for name, make in PASSING.items():
            with step(name):
                checks.passing(name, make())
        for name, (rule, word) in LASTING.items():
            with step(name):
                begin = time.monotonic()
                checks.lasting(name, rule, word, new=False)
                checks.lasting(name, rule, word, new=True)
                assert time.monotonic() - begin < 60
        with step("uploads that failed are ended, where the store lets them"):
            assert checks.place.uploads() <= 4, checks.place.uploads()
        checks.program.ingest([traces / "keepalive"], url(checks.place, "read"))
        for name, (make, succeeds) in READING.items():
            with step(name):
                checks.reading(make(), succeeds)
    end()


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
