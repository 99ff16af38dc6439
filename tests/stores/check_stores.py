"""A dataset in a bucket is the dataset that it would be on a disk, whatever is done with it.

Usage: check_stores.py PROGRAM TRACES      (from the project's folder)
"""
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import made_up
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as fs
import pyarrow.parquet as pq
import servers
from places import BUCKET, S3, Azure, Place, leftovers, manifest, named, url
from program import Program, azure_env, s3_env
from proxy import Proxy, Then, aged
from said import end, step

QUERIES = sorted(path.stem for path in Path("queries").glob("*.sql"))
# Those that need to be told something.
WITH = {
    "timeline": ["-p", "limit=50"],
    "split": ["-p", "out={out}"],
}


class Checks:
    """All checks of one kind of store."""

    def __init__(self, program: Program, place: Place, proxy: Proxy, traces: Path, disk: Path) -> None:
        self.program, self.place, self.proxy, self.disk = program, place, proxy, disk
        self.keepalive, self.prefork = traces / "keepalive", traces / "prefork"

    def url(self, folder: str) -> str:
        return url(self.place, folder)

    def ingest(self) -> None:
        for dataset in (self.disk / "web", self.url("web")):
            self.program.ingest([self.keepalive], dataset, "--label", "normal")
        self.same("web")
        assert not leftovers(self.place, "web")

    def append(self) -> None:
        before = self.place.objects("web")
        for dataset in (self.disk / "web", self.url("web")):
            self.program.ingest([self.prefork], dataset, "--append", "--label", "busy")
        self.same("web")
        after = self.place.objects("web")
        assert all(after[name] == size for name, size in before.items() if name != "manifest.json")
        assert not leftovers(self.place, "web")

    def same(self, folder: str) -> None:
        """The rows of each table, file by file, and what the manifest says beside names and times."""
        ours, theirs = manifest(self.place, folder), manifest_of(self.disk / folder)
        assert told(ours) == told(theirs)
        for table, files in theirs["tables"].items():
            pairs = zip(files["files"], ours["tables"][table]["files"], strict=True)
            for local, stored in pairs:
                data = pa.BufferReader(self.place.get(f"{folder}/{stored['path']}"))
                assert pq.read_table(data).equals(pq.ParquetFile(self.disk / folder / local["path"]).read()), stored
        self.program.ok("verify", self.url(folder))

    def verify(self) -> None:
        """It fetches each file twice, for its checksum and for its rows, however often it looks at them; and leaves no copy."""
        self.proxy.with_rule(lambda request: Then())
        said = self.program.ok("verify", self.url("web"))
        sent, held = self.proxy.counted.sent, sum(named(manifest(self.place, "web")).values())
        assert "no fault" in said and held < sent < 2.3 * held, (said, held, sent)
        assert not list(self.program.scratch.glob("sysds-*"))

    def queries(self) -> None:
        for query in QUERIES:
            answers = []
            for dataset in (self.disk / "web", self.url("web")):
                out = str(self.disk / f"{query}-{len(answers)}")
                options = [option.format(out=out) for option in WITH.get(query, [])]
                done = self.program.run("query", query, "-d", dataset, "--format", "csv", *options)
                answers.append((done.status, done.out.replace(out, "OUT")))
            assert answers[0] == answers[1] and answers[0][0] == 0, (query, answers)

    def inspect_and_report(self) -> None:
        local, stored = (json.loads(self.program.ok("inspect", "--json", d)) for d in (self.disk / "web", self.url("web")))
        assert told(local) == told(stored)
        page = self.disk / "page.html"
        self.program.ok("report", self.url("web"), "-o", page)
        assert page.stat().st_size > 10_000

    def publish(self) -> None:
        """Into a bucket, from a bucket; again with the one of before."""
        options = ["--quiet", "--about", "tests/clients/dataset.toml", "--split", "hash"]
        local = self.disk / "release"
        self.program.ok("publish", self.disk / "web", "-o", local, *options)
        self.program.ok("publish", self.url("web"), "-o", self.url("release"), *options)
        self.program.ok("verify", self.url("release"))
        files = {str(path.relative_to(local)): path.stat().st_size for path in local.rglob("*") if path.is_file()}
        assert set(self.place.objects("release")) == set(files)
        for name in files:
            if name.endswith(".parquet"):
                data = pa.BufferReader(self.place.get(f"release/{name}"))
                assert pq.read_table(data).equals(pq.ParquetFile(local / name).read()), name
        self.program.ok("publish", self.url("web"), "-o", self.url("release2"), "--previous", self.url("release"), *options)
        self.program.ok("verify", self.url("release2"))
        done = self.program.run("publish", self.url("web"), "-o", self.url("release"), "--force", *options)
        assert done.status != 0 and "not replaced in a store" in done.err, done.err

    def sequences(self) -> None:
        """Sequences of a release in the store are those of the one on the disk, file by file; so is what is compared."""
        made = []
        for release in (self.url("release"), self.disk / "release"):
            folder = Path(self.disk / f"sequences-{len(made)}")
            self.program.ok("sequences", "--quiet", "--reach", "causal", "--arguments", release, "-o", folder)
            made.append({file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.parquet")})
        assert made[0] == made[1] and len(made[0]) > 2, "sequences differ"
        compared = [self.program.ok("compare", "--format", "csv", of) for of in (self.url("web"), self.disk / "web")]
        assert compared[0] == compared[1], "what is compared differs"

    def force(self) -> None:
        before = named(manifest(self.place, "web"))
        done = self.program.run("ingest", self.keepalive, "-o", self.url("web"))
        assert done.status == 2 and "--force" in done.err, done
        for dataset in (self.disk / "web", self.url("web")):
            self.program.ingest([self.prefork], dataset, "--force")
        self.same("web")
        # Readers of the dataset of before go on.
        assert leftovers(self.place, "web") == set(before)

    def clean(self) -> None:
        old = leftovers(self.place, "web")
        self.place.put("web/notes.txt", b"mine")
        listed = self.program.ok("clean", self.url("web"))
        assert "0 files, 0 bytes removed" in listed and listed.count("younger than a day") == len(old), listed
        assert leftovers(self.place, "web") == old | {"notes.txt"}
        self.proxy.with_rule(lambda request: Then(change=aged(2 * 86400)) if request.method == "GET" else Then())
        listed = self.program.ok("clean", self.url("web"), "--dry-run")
        assert f"{len(old)} files" in listed and leftovers(self.place, "web") == old | {"notes.txt"}, listed
        self.program.ok("clean", self.url("web"))
        self.proxy.with_rule(lambda request: Then())
        assert leftovers(self.place, "web") == {"notes.txt"}
        self.same("web")

    def odd_names(self) -> None:
        trace = made_up.trace(self.disk / "a=b %41 c#é+d")
        for dataset in (self.disk / "odd", self.url("odd data/x=1")):
            self.program.ingest([trace], dataset)
        sql = "SELECT * FROM events ORDER BY event_id"
        rows = self.program.rows(self.url("odd data/x=1"), sql)
        assert rows and rows == self.program.rows(self.disk / "odd", sql)
        self.program.ok("verify", self.url("odd data/x=1"))
        assert not leftovers(self.place, "odd data/x=1")

    def other_readers(self) -> None:
        """By pyarrow and Polars from the bucket itself."""
        if not isinstance(self.place, S3):
            return
        files = [f["path"] for f in manifest(self.place, "web")["tables"]["events"]["files"]]
        expected = self.program.rows(self.url("web"), "SELECT count(*) AS n, sum(args.fd) AS fd FROM events")[0]
        endpoint = f"127.0.0.1:{self.place.port}"
        store = fs.S3FileSystem(access_key="a", secret_key="b", endpoint_override=endpoint, scheme="http", region="us-east-1")
        events = ds.dataset([f"{BUCKET}/web/{f}" for f in files], filesystem=store)
        table = events.to_table(columns={"fd": ds.field("args", "fd")})
        assert {"n": table.num_rows, "fd": pc.sum(table["fd"]).as_py()} == expected
        options = {f"aws_{k}": v for k, v in {"endpoint_url": f"http://{endpoint}", "access_key_id": "a",
                   "secret_access_key": "b", "region": "us-east-1", "allow_http": "true"}.items()}
        frame = pl.scan_parquet([self.url(f"web/{f}") for f in files], storage_options=options)
        fd = pl.col("args").struct.field("fd").sum().alias("fd")
        assert frame.select(pl.len().alias("n"), fd).collect().to_dicts() == [expected]


def manifest_of(dataset: Path) -> dict[str, Any]:
    return dict(json.loads((dataset / "manifest.json").read_text()))


def told(value: Any) -> Any:
    """A manifest without what differs from run to run: names of files, their checksums, and times."""
    if isinstance(value, dict):
        return {key: told(v) for key, v in value.items() if key not in ("path", "sha256", "created", "appended")}
    return [told(item) for item in value] if isinstance(value, list) else value


def main(program: Path, traces: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="sysds-stores-") as scratch:
        kinds = [(servers.s3, S3, s3_env)]
        if servers.has_azure():
            kinds.append((servers.azure, Azure, azure_env))
        for server, kind, env in kinds:
            disk = Path(scratch) / kind.__name__
            disk.mkdir()
            with server(disk) as port, Proxy(port) as proxy:
                checks = Checks(Program(program, env(proxy.port)), kind(port), proxy, traces, disk)
                for name in ("ingest", "append", "verify", "queries", "inspect_and_report", "publish", "sequences", "force", "clean",
                             "odd_names", "other_readers"):
                    with step(f"{kind.__name__}: {name}"):
                        getattr(checks, name)()
    end()


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
