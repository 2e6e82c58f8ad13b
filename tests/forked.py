"""Scripts run in processes of their own, forked from one that has already imported what most of them need."""

import atexit
import multiprocessing
import os
import runpy
import signal
import sys
import traceback
from functools import partial
from pathlib import Path

# What most scripts import sooner or later; the first step of an optimizer imports torch._dynamo, which takes a second.
_PRELOAD = [
    *("torch", "torch._dynamo", "pandas", "scipy.linalg", "sklearn.pipeline", "skorch", "matplotlib.pyplot"),
    *("skdistill.forecaster", "skdistill.losses", "skdistill.comparison._compare", "skdistill.datasets._read_panel"),
    *("sktime.forecasting.base", "sklearn.ensemble", "chronos.chronos_bolt"),  # what is not installed is left out
]


def start_script(path, *arguments, cwd, output, **environment):
    """Start a Python file as ``python path arguments`` would; return the process. The file ``output`` gets its text.

    A new process of Python spends seconds on the imports of torch and scikit-learn; a fork shares them. Where there is
    no fork server (Windows), the process is new.
    """
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(_PRELOAD)
    process = context.Process(target=_main, args=(str(path), arguments, str(cwd), str(output), environment))
    process.start()
    return process


def run_script(path, *arguments, cwd, timeout=300, **environment):
    """Run a Python file to its end, and return what it printed."""
    output = Path(cwd) / ".output"
    process = start_script(path, *arguments, cwd=cwd, output=output, **environment)
    process.join(timeout)
    if process.is_alive():
        process.kill()
        process.join()
    printed = output.read_text()
    output.unlink()
    assert process.exitcode == 0, f"{path} {' '.join(map(str, arguments))}: exit {process.exitcode}\n{printed}"
    return printed


def _measure_little():
    """Let ``compare`` measure each latency with three calls, and joblib start no workers, which import all again."""
    from joblib import register_parallel_backend
    from joblib._parallel_backends import SequentialBackend

    from skdistill.comparison import _compare

    _compare.median_seconds = partial(_compare.median_seconds, budget=0.0)
    register_parallel_backend("loky", SequentialBackend)


def _main(path, arguments, cwd, output, environment):
    """Become that script: its arguments, folder, environment and streams."""
    with open(output, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    os.environ.update({"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", **environment})
    os.chdir(cwd)
    sys.argv = [path, *map(str, arguments)]
    sys.path.insert(0, str(Path(path).parent))
    code = 0
    _measure_little()
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else end.code is not None
        if code and not isinstance(end.code, int):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:
        traceback.print_exc()
        code = 1
    for worker in multiprocessing.active_children():  # of joblib, which would wait for more work
        os.kill(worker.pid, signal.SIGKILL)
    atexit._run_exitfuncs()  # as an interpreter does
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code))  # without multiprocessing's own end, which waits for those workers first
