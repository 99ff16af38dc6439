"""A study of novelty detection, from a release to a table: how well do language models of system calls tell requests that were
served under conditions that they were not trained on?

`python -m sysds.experiment RELEASE -o RESULTS` runs it; `docs/guide/python.md` says what it does and how to read what it writes.
"""
