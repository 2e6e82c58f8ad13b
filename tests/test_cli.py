"""The command line says what it does, and fails with a sentence."""

import subprocess
import sys

import pytest

import skdistill
from skdistill._cli import main
from skdistill._utils import _optional


def test_the_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"skdistill {skdistill.__version__}\n"


def test_versions_are_those_of_show_versions(capsys):
    assert main(["versions"]) == 0
    shown = capsys.readouterr().out
    skdistill.show_versions()
    assert shown == capsys.readouterr().out


def test_without_a_command_it_lists_them(capsys):
    assert main([]) == 0
    output = capsys.readouterr().out
    assert "serve" in output
    assert "versions" in output


def test_a_missing_file_and_a_bad_limit_are_told(capsys, tmp_path):
    pytest.importorskip("uvicorn", reason="needs pip install 'skdistill[serve]'")
    assert main(["serve", str(tmp_path / "nothing")]) == 1
    assert "nothing" in capsys.readouterr().err
    for option, value, sentence in [
        ("--connections", "0", "connections of Limits must be an integer of at least 1"),
        ("--stop-seconds", "nan", "stop_seconds of Limits must be a number"),
        ("--port", "65536", "port of serve must be at most 65535; got 65536."),
        ("--port", "-1", "port of serve must be an integer of at least 0"),
        ("--watch", "nan", "watch of serving must be a number"),
    ]:
        assert main(["serve", str(tmp_path / "nothing"), option, value]) == 1
        assert sentence in capsys.readouterr().err


def test_a_missing_extra_is_told(capsys, monkeypatch, tmp_path):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(_optional.importlib, "import_module", missing)
    assert main(["serve", str(tmp_path / "nothing")]) == 1
    assert "pip install 'skdistill[serve]'" in capsys.readouterr().err


def test_python_m_skdistill_runs_it():
    done = subprocess.run([sys.executable, "-m", "skdistill", "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout == f"skdistill {skdistill.__version__}\n"
