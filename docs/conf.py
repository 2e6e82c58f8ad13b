"""Sphinx settings: ``make docs`` builds the site into docs/_build/html."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "examples"))
os.environ.setdefault("SKDISTILL_QUICK", "1")  # the gallery's figures are marked 'quick, not a result'
os.environ.setdefault("MPLBACKEND", "agg")

import skdistill  # noqa: E402
from skdistill._utils._doc_link import public_module  # noqa: E402

project = "skdistill"
author = "The skdistill developers"
release = version = skdistill.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery/**/*.ipynb", "gallery/**/*.py"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "logo": {"text": "skdistill"},
    "header_links_before_dropdown": 4,
    "show_nav_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": {"[!g]**": ["page-toc"], "gu**": ["page-toc"]},  # not in gallery/: code needs the room
}
html_title = "skdistill"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_sidebars = {"*": []}  # pages beside the gallery and the reference have no sections of their own
html_show_sourcelink = False
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
nitpicky = False
linkcheck_anchors = True
linkcheck_ignore = [r"https?://.*"]  # internal links only: the site must build offline
# Scripts of reproduce/ may have the names of others; the gallery's order is a class, which is not cached.
suppress_warnings = ["sphinx_gallery.duplicate_filename", "config.cache"]

# A first forecast, people's data, the worth of a teacher, deployment, other libraries, large models; new scripts last.
_READING_ORDER = [
    "quickstart",
    "panels",
    "covariates",
    "sensors_with_gaps",
    "cold_start",
    "stock_quantiles",
    "electricity_prices",
    "probabilistic",
    "when_does_a_teacher_help",
    "tune_losses",
    "deploy_student",
    "serve",
    "microcontroller",
    "scale_out_dask",
    "scale_out_ray",
    "scale_out_spark",
    "sktime_workflow",
    "distill_foundation_model",
    "distill_language_model",
    "pretrain_small_foundation_model",
]


class ReadingOrder:
    """Key that sorts the scripts of the gallery."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, name: str) -> tuple[int, str]:
        """Return the place of a script."""
        stem = Path(name).stem
        return (_READING_ORDER.index(stem) if stem in _READING_ORDER else len(_READING_ORDER), stem)


sphinx_gallery_conf = {
    "examples_dirs": [str(DOCS.parent / "examples")],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"/(quickstart|tune_losses)\.py$",
    "ignore_pattern": r"(^|/)(_|reproduce/|benchmarks/)",
    "default_thumb_file": str(DOCS / "_static" / "logo.svg"),
    "copyfile_regex": r"$^",
    "within_subsection_order": ReadingOrder,
    "nested_sections": False,
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
}

_SECTIONS = {
    "Estimators": ["skdistill", "skdistill.sktime", "skdistill.probabilistic"],
    "Teachers": ["skdistill.teachers"],
    "Students": ["skdistill.networks", "skdistill.interop"],
    "Losses": ["skdistill.losses"],
    "Selection": ["skdistill.selection", "skdistill.model_selection", "skdistill.recipes"],
    "Deployment": ["skdistill.deploy", "skdistill.scale_out", "skdistill.serving"],
    "Data": ["skdistill.datasets", "skdistill.calendar", "skdistill.data"],
    "Metrics": ["skdistill.metrics", "skdistill.comparison", "skdistill.m4"],
    "Plots": ["skdistill.plotting"],
    "Authors": ["skdistill.core"],
}


def write_api_pages(*_: object) -> None:
    """List everything public from ``__all__``, one line per name: there is no list to keep up to date."""
    lines = ["API reference", "=============", ""]
    for title, names in _SECTIONS.items():
        lines += [title, "-" * len(title), ""]
        for module in map(importlib.import_module, names):
            summary = (inspect.getdoc(module) or "").partition("\n")[0]
            entries = [f"   {_page(module, entry)}" for entry in sorted(module.__all__) if _documented(module, entry)]
            lines += [f"**{module.__name__}**: {summary}", "", ".. autosummary::", "   :toctree:", "", *entries, ""]
    folder = DOCS / "api"
    folder.mkdir(exist_ok=True)
    (folder / "index.rst").write_text("\n".join(lines))


def _documented(module: ModuleType, entry: str) -> bool:
    value = getattr(module, entry)
    return inspect.isclass(value) or inspect.isfunction(value)


def _page(module: ModuleType, entry: str) -> str:
    """Name a page as scikit-learn's diagrams link to it."""
    public = public_module(getattr(module, entry))
    return f"{public if entry in sys.modules[public].__all__ else module.__name__}.{entry}"


def skip_foreign(app: object, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """Leave out what a class inherits from other libraries, and the request setters that scikit-learn adds."""
    last = name.rsplit(".", 1)[-1]
    function = getattr(obj, "fget", None) or getattr(obj, "__func__", obj)
    module = getattr(function, "__module__", None) or "skdistill"
    foreign = what == "class" and module.partition(".")[0] != "skdistill"
    return True if foreign or (last.startswith("set_") and last.endswith("_request")) else None


def setup(app: Sphinx) -> None:
    """Make the list of pages before autosummary reads it."""
    write_api_pages()
    app.connect("autodoc-skip-member", skip_foreign)
