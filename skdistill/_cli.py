"""The command line: ``skdistill``, or ``python -m skdistill``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        Command-line arguments; None takes those of the process.

    Returns
    -------
    status : int
        0, or 1 if the command failed; its last line gives the reason.
    """
    parser = _make_parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        given.command(given)
    except (ImportError, OSError, TypeError, ValueError) as error:
        sys.stderr.write(f"skdistill: {error}\n")
        return 1
    return 0


def _make_parser() -> argparse.ArgumentParser:
    from skdistill._version import __version__

    parser = argparse.ArgumentParser(prog="skdistill", description="Small forecasters distilled from large ones.")
    parser.add_argument("--version", action="version", version=f"skdistill {__version__}")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="")
    versions = commands.add_parser("versions", help="show installed versions, for a bug report")
    versions.set_defaults(command=_show_versions)
    _add_serve(commands)
    return parser


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser(
        "serve",
        help="answer HTTP requests with a saved student",
        description="Serve a saved student over HTTP until SIGTERM or Ctrl-C; /docs describes the requests. A new "
        "file in "
        "its place is served as soon as it is noticed, or at SIGHUP; an invalid file changes nothing.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    serve.add_argument("path", help="file written by forecaster.save (.skdistill) or forecaster.export (.npz)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--port", type=int, default=8000, help="port; 0 takes a free port")
    serve.add_argument("--connections", type=int, default=256, help="maximum number of open connections")
    serve.add_argument("--body-bytes", type=int, default=4 << 20, help="maximum size of a request's body in bytes")
    serve.add_argument("--series", type=int, default=1024, help="maximum number of series in a panel request")
    serve.add_argument("--batch", type=int, default=256, help="maximum number of contexts forecast at once")
    serve.add_argument("--answer-seconds", type=float, default=30.0, help="maximum duration of a forecast in seconds")
    serve.add_argument(
        "--stop-seconds", type=float, default=10.0, help="maximum time from SIGTERM to the end in seconds"
    )
    serve.add_argument("--watch", type=float, default=1.0, help="seconds between checks of the file; 0: only at SIGHUP")
    serve.add_argument("--access-log", action="store_true", help="log every request")
    serve.set_defaults(command=_serve)


def _show_versions(_: argparse.Namespace) -> None:
    from skdistill._show_versions import show_versions

    show_versions()


def _serve(given: argparse.Namespace) -> None:
    from skdistill.serving._limits import Limits
    from skdistill.serving._server import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    limits = Limits(
        connections=given.connections,
        body_bytes=given.body_bytes,
        series=given.series,
        batch=given.batch,
        answer_seconds=given.answer_seconds,
        stop_seconds=given.stop_seconds,
    )
    watch = None if given.watch == 0 else given.watch
    serve(given.path, host=given.host, port=given.port, limits=limits, watch=watch, access_log=given.access_log)
