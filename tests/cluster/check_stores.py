"""A dataset in a bucket, asked on executors: the rows of one machine that reads a disk, whatever the store does, or an error.

Each executor reaches the store through a proxy of its own, so that the store can fail for one of them only.

Usage: check_stores.py PROGRAM TRACES      (from the project's folder)
"""
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asked
import executors
from asked import Asked, ask
from executors import Executor
from ours import OURS
from program import Done, Program, s3_env
from said import end, step

import places
import servers
from proxy import PASS, Proxy, Request, Rule, Then

# How long a store is tried here, and how long an answer may take.
TRIED = {"SYSDS_STORE_TRY_SECONDS": "3", "AWS_TIMEOUT": "1s"}
FOLDER = "fleet"
# What is asked while the store fails: a grouping, a join with windows, rows in order, files, and ours that keep recordings together.
FAILED: list[tuple[str, list[str]]] = [
    ("latency", []), ("errors", []), ("split", ["out=OUT/split"]), ("timeline", ["limit=50"]), ("syscall_histogram", []),
    ("SELECT * FROM request_lists", []), (OURS["syscalls"], []), (OURS["joins"], []), (OURS["full joins"], []),
]
# What an error must not show: the words of libraries, and pages of XML.
NEVER = ("<?xml", "<Error>", "max_retries", "panicked", "Generic", "Some(", "RetryError", "source:")


@dataclass
class Checks:
    """A bucket with a dataset that is on a disk, too, and executors that see the bucket."""
    path: Path
    scratch: Path
    store: int                                  # the port of the server
    disk: Path
    proxies: list[Proxy] = field(default_factory=list)
    running: list[Executor] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"s3://{places.BUCKET}/{FOLDER}"

    def program(self, port: int, **env: str) -> Program:
        return Program(self.path, s3_env(port) | TRIED | env, self.scratch)

    def script(self, sql: str) -> str:
        """A shipped query by its name, other SQL by its file."""
        if " " not in sql:
            return sql
        script = self.scratch / "asked.sql"
        script.write_text(sql)
        return str(script)

    def here(self, sql: str, parameters: list[str]) -> Asked:
        """By one machine, from the disk."""
        done = ask(Program(self.path, {}, self.scratch), self.script(sql), parameters, self.disk)
        assert done.done.status == 0, done.done.err
        return done

    def there(self, sql: str, parameters: list[str]) -> Asked:
        """By the executors, from the bucket."""
        return ask(self.program(self.store), self.script(sql), parameters, self.url, executors.url(self.running))

    def rules(self, rule: Callable[[], Rule] | None = None) -> None:
        """The rule for the last executor; the store is there for the others."""
        for proxy in self.proxies:
            proxy.with_rule(lambda request: PASS)
        if rule:
            self.proxies[-1].with_rule(rule())

    def refused(self, port: int, *words: str, env: dict[str, str] | None = None) -> None:
        """An executor with this environment is refused before any file of the dataset was asked for."""
        self.rules()
        program = self.program(port) if env is None else Program(self.path, env | TRIED, self.scratch)
        executor = Executor(program)
        try:
            done = self.program(self.store).run("query", "errors", "-d", self.url, "--cluster",
                                                f"{executors.url(self.running)},{executor.address}")
        finally:
            executor.end()
        assert done.status != 0 and not done.out, done
        told_well(done, executor, *words)
        read = [name for proxy in self.proxies for name in proxy.seen if name.endswith(".parquet")]
        assert not read, read


def told_well(done: Done, executor: Executor, *words: str) -> None:
    """One error, with the executor's name and what to do."""
    lines = done.err.splitlines()
    assert sum(line.startswith("error") for line in lines) == 1, done.err
    for word in (f"executor {executor.address}", "help:", *words):
        assert word in done.err, f"{word!r} is not in:\n{done.err}"
    for never in NEVER:
        assert never not in done.err, done.err
    assert len(done.err) < 1200, done.err


def files(request: Request) -> bool:
    return request.name.endswith(".parquet")


def of_manifest(request: Request) -> bool:
    return request.name.endswith("/manifest.json")


def always(then: Then, where: Callable[[Request], bool]) -> Rule:
    return lambda request: then if where(request) else PASS


def after(count: int, then: Then, where: Callable[[Request], bool]) -> Rule:
    """All such requests but the first."""
    seen = [0]

    def rule(request: Request) -> Then:
        seen[0] += where(request)
        return then if where(request) and seen[0] > count else PASS
    return rule


def every(nth: int, then: Then) -> Rule:
    return lambda request: then if request.number % nth == 0 else PASS


def once(then: Then) -> Rule:
    """The first request for each range of each file; one that goes on where an answer ended has the same end."""
    seen: set[tuple[str, str]] = set()

    def rule(request: Request) -> Then:
        key = (request.name, (request.header("range") or "").rpartition("-")[2])
        new = files(request) and key not in seen
        seen.add(key)
        return then if new else PASS
    return rule


# What is over after a while, and must make no difference.
PASSING: dict[str, Callable[[], Rule]] = {
    "503 now and then": lambda: every(3, Then(answer=503)),
    "500 now and then": lambda: every(2, Then(answer=500)),
    "each first answer is cut": lambda: once(Then(cut_answer=True)),
    "each first answer is lost": lambda: once(Then(lose_answer=True)),
    "one answer is late": lambda: once_only(Then(sleep=2)),
}

# What stays; the word is said where rows cannot be had.
LASTING: dict[str, tuple[Callable[[], Rule], str]] = {
    "503 for files": (lambda: always(Then(answer=503), files), "503"),
    "503 from the second request for a file": (lambda: after(1, Then(answer=503), files), "503"),
    "files are denied": (lambda: always(Then(answer=403), files), "denies"),
    "denied from the second request for a file": (lambda: after(1, Then(answer=403), files), "denies"),
    "answers are always cut": (lambda: always(Then(cut_answer=True), files), "connection"),
    "the bucket is gone": (lambda: always(Then(answer=404), files), "bucket"),
    "the manifest is denied after it was seen": (lambda: after(1, Then(answer=403), of_manifest), "denies"),
    "another manifest after it was seen": (lambda: after(1, Then(change=another), of_manifest), "another dataset is there"),
}


def once_only(then: Then) -> Rule:
    left = [1]

    def rule(request: Request) -> Then:
        if files(request) and left[0]:
            left[0] -= 1
            return then
        return PASS
    return rule


def another(manifest: bytes) -> bytes:
    """One that says the same in other words: it is not for an executor to judge what of a manifest matters."""
    return manifest + b"\n"


def same(there: Asked, here: Asked) -> None:
    assert there.done.status == 0, there.done.err
    assert there.given == here.given, f"on this machine:\n{here.given}\non the cluster:\n{there.given}"


def queries(checks: Checks) -> None:
    """All that is asked of a dataset on a disk, and where the work was."""
    for name, query, parameters in [*asked.queries(), *((name, sql, []) for name, sql in OURS.items())]:
        with step(f"{name}, from the store"):
            checks.rules()
            there = checks.there(query, parameters)
            same(there, checks.here(query, parameters))
    with step("each executor reads its part, and no other"):
        checks.rules()
        same(checks.there("errors", []), checks.here("errors", []))
        sent = [proxy.counted.sent for proxy in checks.proxies]
        assert all(sent) and max(sent) < 0.8 * sum(sent), sent


def refusals(checks: Checks) -> None:
    with step("an executor without credentials"):
        checks.refused(0, "credentials", "AWS_PROFILE, or AWS_ACCESS_KEY_ID",
                       env={"AWS_ENDPOINT_URL": f"http://127.0.0.1:{checks.store}", "AWS_REGION": "us-east-1"})
    with step("an executor with a wrong endpoint"):
        checks.refused(servers.free_port(), "AWS_ENDPOINT_URL")
    with Proxy(checks.store) as proxy:
        for name, then, words in [("whom the store denies", Then(answer=403), ["denies", "AWS_ACCESS_KEY_ID"]),
                                  ("whose store does not answer", Then(answer=503), ["503"]),
                                  ("who sees another manifest", Then(change=another), ["another dataset is there", "ask again"])]:
            with step(f"an executor {name}"):
                proxy.with_rule(always(then, lambda request: True))
                checks.refused(proxy.port, *words)
    (checks.scratch / "empty").mkdir()
    with servers.s3(checks.scratch / "empty") as port:
        with step("an executor whose store has no such bucket"):
            checks.refused(port, "bucket")
        places.S3(port)
        with step("an executor whose bucket has no such dataset"):
            checks.refused(port, checks.url)


def faults(checks: Checks) -> None:
    """The store fails for one executor in the middle of a query."""
    answers = [(sql, parameters, checks.here(sql, parameters)) for sql, parameters in FAILED]
    for name, make in PASSING.items():
        with step(f"one executor: {name}"):
            for sql, parameters, here in answers:
                checks.rules(make)
                same(checks.there(sql, parameters), here)
    for name, (make, word) in LASTING.items():
        with step(f"one executor: {name}"):
            failed = sum(ended(checks, make, word, *answer) for answer in answers)
            # Which executor has which part is not said.
            assert failed > 1, f"only {failed} of {len(answers)} failed"
            checks.rules()
            same(checks.there("errors", []), checks.here("errors", []))


def ended(checks: Checks, make: Callable[[], Rule], word: str, sql: str, parameters: list[str], here: Asked) -> bool:
    """Whether a query failed, as it should; it may have had nothing to read where the store fails."""
    checks.rules(make)
    there = checks.there(sql, parameters)
    if there.done.status == 0:
        same(there, here)
        return False
    try:
        told_well(there.done, checks.running[-1], word)
        # Those of statements that were done before are whole; of the one that failed there are none.
        assert all(here.given.files.get(name) == table for name, table in there.given.files.items()), list(there.given.files)
    except AssertionError as e:
        raise AssertionError(f"{sql}: {e}") from e
    return True


@contextmanager
def bucket(path: Path, traces: Path, scratch: Path) -> Iterator[Checks]:
    """The same files on a disk and in a bucket, and three executors."""
    disk = asked.datasets(Program(path, {}, scratch), traces, scratch)["many"]
    with ExitStack() as stack:
        port = stack.enter_context(servers.s3(scratch))
        place = places.S3(port)
        for file in disk.rglob("*"):
            if file.is_file():
                place.put(f"{FOLDER}/{file.relative_to(disk)}", file.read_bytes())
        checks = Checks(path, scratch, port, disk)
        for _ in range(3):
            proxy = stack.enter_context(Proxy(port))
            executor = Executor(checks.program(proxy.port))
            stack.callback(executor.end)
            checks.proxies.append(proxy)
            checks.running.append(executor)
        yield checks


def main(path: Path, traces: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="sysds-cluster-") as scratch, bucket(path, traces, Path(scratch)) as checks:
        queries(checks)
        refusals(checks)
        faults(checks)
    end()


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
