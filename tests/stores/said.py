"""What the checks say of themselves: a line for each, with its time; all that go wrong are told, not the first only."""
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

_wrong: list[str] = []


@contextmanager
def step(name: str) -> Iterator[None]:
    begin = time.monotonic()
    try:
        yield
        print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)
    except Exception:
        _wrong.append(name)
        print(f"{name}: WRONG\n{traceback.format_exc()}", file=sys.stderr, flush=True)


def end() -> None:
    """To be called last."""
    if _wrong:
        sys.exit(f"wrong: {', '.join(_wrong)}")
