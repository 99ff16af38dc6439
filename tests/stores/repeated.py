"""A trace long enough that its files are put in parts: a shipped one, several times one after the other."""
import subprocess
import sys
from pathlib import Path


def trace(source: Path, target: Path, times: int) -> None:
    if not target.exists():
        subprocess.run([sys.executable, "benches/repeat_trace.py", source, target, str(times)], check=True)
