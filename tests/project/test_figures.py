"""The figures of the deployment page are those of the benchmark."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_agrees_with_the_csv():
    script = ROOT / "examples" / "benchmarks" / "_render_latency.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
