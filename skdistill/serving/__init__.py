"""Serving: a saved student behind HTTP, with limits on everything a client can send.

``skdistill serve student.skdistill`` is the usual way in; :func:`serve` is the same from Python, and :func:`make_app`
gives the ASGI application alone, for another server.
"""

from skdistill.serving._app import make_app
from skdistill.serving._limits import Limits
from skdistill.serving._server import serve

__all__ = ["Limits", "make_app", "serve"]
