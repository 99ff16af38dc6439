"""What a user may get wrong about a store: one message each, with what to do, and nothing half-written.

Usage: check_input.py PROGRAM TRACES      (from the project's folder)
"""
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import servers
from places import S3, url
from program import Done, Program, s3_env
from proxy import PASS, Proxy, Then
from said import end, step


def told(done: Done, status: int, *words: str) -> None:
    assert done.status == status, done
    lines = done.err.strip().splitlines()
    assert sum(line.startswith("error:") for line in lines) == 1, done.err
    assert any(line.strip().startswith("help:") for line in lines), done.err
    for word in words:
        assert word in done.err, (word, done.err)
    for never in ("<?xml", "<Error>", "max_retries", "panicked", "Generic", "source:", "REDACTED"):
        assert never not in done.err, done.err
    assert len(done.err) < 700, done.err


class Checks:
    def __init__(self, program: Program, place: S3, proxy: Proxy, traces: Path, disk: Path) -> None:
        self.program, self.place, self.proxy, self.disk = program, place, proxy, disk
        self.trace = traces / "lttng-2.13" / "ctf1-late"
        program.ingest([self.trace], url(place, "web"))

    def all_commands(self, program: Program, dataset: str, *words: str) -> None:
        for args in (["ingest", self.trace, "-o", dataset], ["ingest", self.trace, "--append", "-o", dataset],
                     ["query", "latency", "-d", dataset], ["inspect", dataset], ["verify", dataset], ["clean", dataset],
                     ["report", dataset, "-o", self.disk / "page.html"],
                     ["publish", url(self.place, "web"), "-o", dataset], ["publish", dataset, "-o", self.disk / "r"]):
            told(program.run(*args), 1, *words)

    def a_wrong_bucket(self) -> None:
        self.all_commands(self.program, "s3://nobodys/web", "no such bucket", "AWS_ENDPOINT_URL")

    def no_dataset_there(self) -> None:
        for command in ("inspect", "verify", "clean"):
            told(self.program.run(command, url(self.place, "nothing")), 1, "manifest.json")

    def no_rights(self) -> None:
        self.proxy.with_rule(lambda request: Then(answer=403))
        self.all_commands(self.program, url(self.place, "denied"), "denies", "AWS_PROFILE")
        self.proxy.with_rule(lambda request: PASS)

    def no_answer(self) -> None:
        nobody = self.program.with_env(AWS_ENDPOINT_URL=f"http://127.0.0.1:{servers.free_port()}", SYSDS_STORE_TRY_SECONDS="1")
        self.all_commands(nobody, "s3://lab/web", "AWS_ENDPOINT_URL")

    def no_such_host(self) -> None:
        nobody = self.program.with_env(AWS_ENDPOINT_URL="http://nobody.invalid:1", SYSDS_STORE_TRY_SECONDS="1")
        told(nobody.run("inspect", "s3://lab/web"), 1, "AWS_ENDPOINT_URL")

    def no_credentials(self) -> None:
        env = {key: value for key, value in self.program.env.items() if "KEY" not in key}
        nobody = Program(self.program.path, env | {"SYSDS_STORE_TRY_SECONDS": "1"}, self.program.scratch)
        told(nobody.run("inspect", "s3://lab/web"), 1, "AWS_PROFILE")

    def unknown_kinds(self) -> None:
        for address in ("ftp://lab/web", "http://lab/web", "hdfs://lab/web"):
            told(self.program.run("ingest", self.trace, "-o", address), 2, "not a kind of address", "s3://")
        for address in ("s3://", "s3:///web", "s3://lab/web?versionId=1", "s3://lab//web"):
            told(self.program.run("inspect", address), 2, "s3://BUCKET/FOLDER")

    def other_things(self) -> None:
        self.place.put("mixed/thesis.tex", b"x")
        for force in ([], ["--force"]):
            told(self.program.run("ingest", self.trace, "-o", url(self.place, "mixed"), *force), 1, "thesis.tex")
        assert list(self.place.objects("mixed")) == ["thesis.tex"]

    def traces_are_local(self) -> None:
        told(self.program.run("ingest", "s3://lab/trace", "-o", self.disk / "d"), 2, "s3://lab/trace", "read from a disk")
        told(self.program.run("inspect", "s3://lab/trace", "--count"), 1)

    def results_are_local(self) -> None:
        web = url(self.place, "web")
        for args in (["query", "latency", "-d", web, "-o", "s3://lab/x.csv"], ["report", web, "-o", "s3://lab/x.html"]):
            told(self.program.run(*args), 2, "disk")
        copy = "COPY (SELECT 1) TO 's3://lab/x.parquet'"
        done = self.program.run("query", "-e", copy, "-d", web, "--allow-write", "/")
        told(done, done.status, "s3://lab/x.parquet")
        assert done.status in (1, 2)
        done = self.program.run("query", "-e", "SELECT * FROM 's3://lab/web/events/x.parquet'", "-d", web)
        told(done, done.status)
        assert not any(path.exists() for path in (Path("s3:"), Path("ftp:"), Path("http:")))

    def ctrl_c(self) -> None:
        """In the middle of a file: what stays is told."""
        self.proxy.with_rule(lambda request: Then(sleep=5) if request.method == "PUT" and ".parquet" in request.name else PASS)
        process = self.program.start("ingest", self.trace, "-o", url(self.place, "stopped"))
        while not any(".parquet" in name for name in self.proxy.seen):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        done = self.program.end(process)
        took = time.monotonic() - begin
        # Which waits for what the proxy still holds up.
        self.proxy.with_rule(lambda request: PASS)
        told(done, 130, "interrupted", "no manifest names", "sysds clean")
        assert took < 3, took
        self.program.ingest([self.trace], url(self.place, "stopped"))

    def a_profile(self) -> None:
        aws = self.program.scratch / ".aws"
        aws.mkdir()
        (aws / "credentials").write_text("[lab]\naws_access_key_id = a\naws_secret_access_key = b\n")
        (aws / "config").write_text(f"[profile lab]\nregion = eu-north-1\nendpoint_url = http://127.0.0.1:{self.proxy.port}\n")
        program = Program(self.program.path, {"AWS_PROFILE": "lab"}, self.program.scratch)
        program.ok("inspect", url(self.place, "web"))
        told(program.with_env(AWS_PROFILE="none").run("inspect", url(self.place, "web")), 2, "no such profile")


def main(program: Path, traces: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="sysds-stores-") as scratch, \
            servers.s3(Path(scratch)) as port, Proxy(port) as proxy:
        checks = Checks(Program(program, s3_env(proxy.port)), S3(port), proxy, traces, Path(scratch))
        names: list[Callable[[], None]] = [
            checks.a_wrong_bucket, checks.no_dataset_there, checks.no_rights, checks.no_answer, checks.no_such_host,
            checks.no_credentials, checks.unknown_kinds, checks.other_things, checks.traces_are_local,
            checks.results_are_local, checks.ctrl_c, checks.a_profile]
        for check in names:
            with step(check.__name__.replace("_", " ")):
                check()
    end()


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
