"""Runs the Python examples of README.md, CONTRIBUTING.md and docs/ as they stand.

Usage: check_docs.py FOLDER

FOLDER holds a dataset `web` and a release `apache-wrk2`, which the examples name. Each block runs by itself, as somebody who
copies it would run it. One that cannot run has a comment before it that says why (see tests/it/docs.rs).
"""
import os
import re
import sys
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(r"^(?:<!-- not run: (?P<reason>.+) -->\n)?```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def main(folder):
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    os.chdir(folder)
    passed = failed = skipped = 0
    for page in pages:
        text = page.read_text()
        for block in BLOCK.finditer(text):
            place = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, block.start('code'))}"
            if block["reason"]:
                print(f"{place}: not run: {block['reason']}")
                skipped += 1
                continue
            try:
                exec(compile(block["code"], place, "exec"), {"__name__": "__main__"})
                passed += 1
            except Exception:
                print(f"{place}: failed", file=sys.stderr)
                traceback.print_exc()
                failed += 1
    # The examples are there: a page that is written otherwise must not pass unseen.
    if passed < 5:
        sys.exit(f"only {passed} examples ran")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    if failed:
        sys.exit(1)


main(Path(sys.argv[1]))
