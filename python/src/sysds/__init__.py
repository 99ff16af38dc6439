"""Datasets of web requests and system calls that sysds makes of kernel traces, for those who train models on them.

    import sysds

    train = sysds.load("apache-wrk2", "train", reach="window")
    for batch in train.torch(batch_size=32, workers=2):
        batch["call"], batch["mask"]      # padded tensors

`docs/guide/python.md` has the rest.
"""

from importlib import metadata as _metadata

from .errors import (
    BadSequences,
    MissingPackage,
    NoSuchPart,
    ProgramFailed,
    ProgramNotFound,
    SysdsError,
)
from .executable import program, program_version
from .loading import Reach, load, open_sequences
from .sequences import Sequences
from .sql import query
from .studies import export_text
from .vocabulary import Vocabulary, Words

try:
    __version__ = _metadata.version("sysds")
except _metadata.PackageNotFoundError:  # run from a clone, without being installed
    __version__ = "0+unknown"

__all__ = [
    "BadSequences",
    "MissingPackage",
    "NoSuchPart",
    "ProgramFailed",
    "ProgramNotFound",
    "Reach",
    "Sequences",
    "SysdsError",
    "Vocabulary",
    "Words",
    "export_text",
    "load",
    "open_sequences",
    "program",
    "program_version",
    "query",
]
