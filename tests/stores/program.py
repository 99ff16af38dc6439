"""The program as users start it, with what they set so that it finds a store."""
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import servers

# Settings of whoever runs the tests that would lead elsewhere.
OURS = ("AWS_", "AZURE_", "AZURITE_", "GOOGLE_", "SYSDS_")


@dataclass
class Done:
    """How a run ended."""
    status: int
    out: str
    err: str


@dataclass
class Program:
    """The program, its environment, and where it keeps what is temporary."""
    path: Path
    env: dict[str, str]
    scratch: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="sysds-stores-")))

    def environment(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
        return {**inherited, "HOME": str(self.scratch), "TMPDIR": str(self.scratch), **self.env}

    def start(self, *args: str | Path) -> "subprocess.Popen[str]":
        command = [str(self.path), *map(str, args)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL, text=True, env=self.environment())

    def end(self, process: "subprocess.Popen[str]", seconds: float = 120) -> Done:
        out, err = process.communicate(timeout=seconds)
        return Done(process.returncode, out, err)

    def run(self, *args: str | Path, seconds: float = 120) -> Done:
        return self.end(self.start(*args), seconds)

    def ok(self, *args: str | Path) -> str:
        """What it prints; it must succeed."""
        done = self.run(*args)
        assert done.status == 0, f"{' '.join(map(str, args))}: exit status {done.status}\n{done.err}"
        return done.out

    def ingest(self, traces: list[Path], output: str | Path, *options: str) -> None:
        self.ok("ingest", "--quiet", *traces, "-o", output, *options)

    def rows(self, dataset: str | Path, sql: str) -> list[dict[str, Any]]:
        """What a query gives, without what is null: columns that only other recordings have make no difference."""
        lines = self.ok("query", "-e", sql, "-d", dataset, "--format", "ndjson").splitlines()
        return [dense(json.loads(line)) for line in lines]

    def with_env(self, **env: str) -> "Program":
        return Program(self.path, {**self.env, **env}, self.scratch)


def dense(value: Any) -> Any:
    """The value without members that are null, or have nothing else."""
    if isinstance(value, dict):
        members = {key: dense(member) for key, member in value.items()}
        return {key: member for key, member in members.items() if member not in (None, {})}
    if isinstance(value, list):
        return [dense(item) for item in value]
    return value


def s3_env(port: int) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "us-east-1",
    }


def azure_env(port: int) -> dict[str, str]:
    return {"AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{port}",
            "AZURE_STORAGE_ACCOUNT_NAME": servers.AZURE_ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": servers.AZURE_KEY}
