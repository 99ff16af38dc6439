"""Where the program is looked for, and what is said when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

import sysds
from sysds import executable


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def no_scripts(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.delenv("SYSDS_PROGRAM", raising=False)
    monkeypatch.setattr(executable, "_script_folders", lambda: [folder / "scripts"])
    monkeypatch.setenv("PATH", str(folder / "path"))


def test_the_variable_goes_before_the_environment_and_that_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_scripts(monkeypatch, tmp_path)
    in_path = script(tmp_path / "path" / "sysds", "true")
    assert sysds.program() == in_path
    in_scripts = script(tmp_path / "scripts" / "sysds", "true")
    assert sysds.program() == in_scripts
    named = script(tmp_path / "named", "true")
    monkeypatch.setenv("SYSDS_PROGRAM", str(named))
    assert sysds.program() == named


def test_where_it_is_nowhere_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_scripts(monkeypatch, tmp_path)
    with pytest.raises(sysds.ProgramNotFound, match="pip install ./python.*SYSDS_PROGRAM="):
        sysds.program()


def test_a_variable_that_names_no_program_is_an_error_and_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_scripts(monkeypatch, tmp_path)
    script(tmp_path / "path" / "sysds", "true")
    (tmp_path / "text").write_text("")
    for wrong in [tmp_path / "text", tmp_path / "nothing", tmp_path]:
        monkeypatch.setenv("SYSDS_PROGRAM", str(wrong))
        with pytest.raises(sysds.ProgramNotFound, match=str(wrong)):
            sysds.program()


def test_a_failure_has_what_the_program_said_and_its_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSDS_PROGRAM", str(script(tmp_path / "sysds", "echo 'error: no such dataset' >&2; exit 3")))
    with pytest.raises(sysds.ProgramFailed, match="`sysds query` failed with exit status 3: error: no such dataset") as caught:
        executable.run(["query"])
    assert caught.value.status == 3 and caught.value.said == "error: no such dataset"
    monkeypatch.setenv("SYSDS_PROGRAM", str(script(tmp_path / "killed", "kill -9 $$")))
    with pytest.raises(sysds.ProgramFailed, match="killed by signal 9"):
        executable.run(["query"])


def test_the_program_of_this_installation_runs() -> None:
    assert sysds.program_version().startswith("sysds ")
