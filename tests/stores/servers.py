"""Servers of object stores on this machine, which end with this process, however it ends."""
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

AZURITE = Path("target/stores/azurite/node_modules/.bin/azurite-blob")
PR_SET_PDEATHSIG = 1
# What Azurite and every other server of its kind take: public, and of no use elsewhere.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def free_port() -> int:
    with closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def dies_with_us() -> None:
    """In the child: a signal when its parent ends, whatever ends it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[int]:
    """A server that listens at the port, until the end of the block."""
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, preexec_fn=dies_with_us)
    try:
        until_answers(server, port, log)
        yield port
    finally:
        server.kill()
        server.wait()


def until_answers(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        with closing(socket.socket()) as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"no server at port {port}:\n{log.read_text()[-2000:]}")


@contextmanager
def s3(folder: Path) -> Iterator[int]:
    """A server of S3 (moto), whose objects are in its memory; gives its port."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port, folder / "s3.log"):
        yield port


@contextmanager
def bare(folder: Path) -> Iterator[int]:
    """A server that is no work for the machine; gives its port. It has the bucket `lab`."""
    port = free_port()
    with running([sys.executable, str(Path(__file__).with_name("bare.py")), str(port)], port, folder / "bare.log"):
        yield port


def has_azure() -> bool:
    return AZURITE.exists()


@contextmanager
def azure(folder: Path) -> Iterator[int]:
    """Azurite, whose objects are in its memory; gives its port."""
    port = free_port()
    command = [os.fspath(AZURITE), "--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    with running([*command, "--blobHost", "127.0.0.1", "--blobPort", str(port)], port, folder / "azure.log"):
        yield port
