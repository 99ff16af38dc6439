"""What cannot be is said before the query runs, in one error that names the executor and what to do.

Usage: check_refusals.py PROGRAM TRACES      (from the project's folder)
"""
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import executors
import grpc
from executors import Executor, cluster
from program import Done, Program
from said import end, step
from servers import free_port


def refused(done: Done, *words: str) -> None:
    assert done.status != 0 and not done.out, done
    errors = [line for line in done.err.splitlines() if line.startswith("error")]
    helps = [line for line in done.err.splitlines() if line.startswith("  help:")]
    assert len(errors) == 1 and len(helps) == 1, done.err
    for word in words:
        assert word in done.err, f"{word!r} is not in:\n{done.err}"


def query(program: Program, dataset: Path, cluster: str, sql: str = "SELECT count(*) FROM events WHERE ret < 0") -> Done:
    return program.run("query", "-e", sql, "-d", dataset, "--cluster", cluster)


@contextmanager
def another(version: str) -> Iterator[str]:
    """What says that it is an executor of another version; gives its address."""
    said = version.encode()
    info = bytes([10, len(said)]) + said        # a message whose first field is this text
    unary = grpc.unary_unary_rpc_method_handler(lambda request, context: info)
    service = grpc.method_handlers_generic_handler("worker.WorkerService", {"GetWorkerInfo": unary})
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


def addresses(program: Program, dataset: Path) -> None:
    for text, words in [("http://a:7", "does not begin with df://"), ("df://", "not HOST or HOST:PORT"),
                        ("df://a:x", "not HOST or HOST:PORT")]:
        refused(query(program, dataset, text), words, "df://HOST1:50050")
    nobody = f"127.0.0.1:{free_port()}"
    refused(query(program, dataset, f"df://{nobody}"), f"no executor answers at {nobody}", "sysds cluster executor")


def versions(program: Program, dataset: Path, running: list[Executor]) -> None:
    for said, words in [("sysds 0.0.7 1-1", "of sysds 0.0.7, and this is sysds "), ("something", "not one of sysds")]:
        with another(said) as address:
            refused(query(program, dataset, f"{executors.url(running)},{address}"), f"the executor at {address}", words)


def views(program: Program, dataset: Path, other: Path, running: list[Executor]) -> None:
    """Executors that see nothing, or something else, where the dataset is."""
    shell = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*shell, f"mount --bind {other} {dataset}"], capture_output=True).returncode != 0:
        print("skipped: this system gives no namespaces of mounts", file=sys.stderr)
        return
    for mount, words in [(f"mount -t tmpfs none {dataset}", "cannot read"),
                         (f"mount --bind {other} {dataset}", "another dataset is there")]:
        executor = Executor(program, [*shell, f'{mount} && exec "$0" "$@"'])
        try:
            refused(query(program, dataset, f"{executors.url(running)},{executor.address}"), f"executor {executor.address}",
                    str(dataset), words, "same path")
        finally:
            executor.end()


def ports(program: Program, running: list[Executor]) -> None:
    taken = running[0].address
    refused(program.run("cluster", "executor", "--listen", taken), f"{taken}: cannot listen there")
    done = program.run("cluster", "executor", "--listen", "nowhere.invalid:7")
    assert done.status == 1 and "nowhere.invalid:7" in done.err, done


def notes(program: Program, dataset: Path, scratch: Path, running: list[Executor]) -> None:
    """What is carried out here says so."""
    table = scratch / "names.csv"
    table.write_text("name\nopenat\n")
    sql = f"CREATE EXTERNAL TABLE names STORED AS CSV LOCATION '{table}' OPTIONS ('has_header' 'true');" \
          " SELECT count(*) AS n FROM events JOIN names ON names.name = events.name"
    args = ["query", "-e", sql, "-d", dataset, "--allow-read", table, "--format", "csv"]
    here, there = program.run(*args), program.run(*args, "--cluster", executors.url(running))
    assert here.status == 0 and there.out == here.out, there
    assert "note: this machine carries the statement out by itself" in there.err, there.err
    assert "a file of this machine" in there.err, there.err


def mistakes(program: Program, dataset: Path, running: list[Executor]) -> None:
    """A mistake in SQL is told as it is without a cluster."""
    for sql in ["SELECT nme FROM events", "SELECT count(*) FROM event", "SELECT 1 / (ret - ret) FROM events WHERE ret < 0"]:
        here = program.run("query", "-e", sql, "-d", dataset)
        there = query(program, dataset, executors.url(running), sql)
        assert here.status == there.status == 1, (here, there)
        first = [done.err.splitlines()[0] for done in (here, there)]
        assert first[0] == first[1], first


def main(path: Path, traces: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="sysds-cluster-") as scratch:
        program = Program(path, {}, Path(scratch))
        dataset, other = Path(scratch).resolve() / "web", Path(scratch).resolve() / "other"
        program.ingest([traces / "prefork"], dataset)
        program.ingest([traces / "keepalive"], other)
        with step("addresses"):
            addresses(program, dataset)
        with cluster(program, 2) as running:
            with step("versions"):
                versions(program, dataset, running)
            with step("views"):
                views(program, dataset, other, running)
            with step("ports"):
                ports(program, running)
            with step("notes"):
                notes(program, dataset, Path(scratch), running)
            with step("mistakes"):
                mistakes(program, dataset, running)
            with step("a dataset that is replaced between two queries"):
                shutil.rmtree(dataset)
                shutil.copytree(other, dataset)
                done = query(program, dataset, executors.url(running))
                assert done.status == 0 and done.out == program.run("query", "-e",
                    "SELECT count(*) FROM events WHERE ret < 0", "-d", dataset).out, done
            with step("a name that plans cannot have"):
                strange = Path(scratch) / "a\nb"
                shutil.copytree(other, strange)
                refused(query(program, strange, executors.url(running)), "a name that plans cannot have")
    end()


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
