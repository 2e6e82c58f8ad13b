"""Serving: a saved student behind HTTP, with limits on everything a client can send.

``skdistill serve student.skdistill`` is the usual way in; :func:`serve` is the same from Python, and :func:`make_app`
gives the ASGI application alone, for another server.
"""

from skdistill._utils._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
