"""Configuration of Sphinx; `tools/site.py` gathers the pages and runs it."""

from dataclasses import is_dataclass
from importlib.metadata import version as version_of
from typing import Any

project = "rerank-contract"
author = "the authors of rerank-contract"
copyright = author  # noqa: A001 - the name that Sphinx reads
version = release = version_of("rerank-contract")

extensions = ["myst_parser", "sphinx.ext.autodoc"]

# The guides link to headings as GitHub names them.
myst_heading_anchors = 4
# Examples have `...` where their output varies, which no lexer of JSON takes.
suppress_warnings = ["misc.highlighting_failure"]

# Docstrings are Markdown as far as that goes: a single backtick marks code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_inherit_docstrings = False
autodoc_default_options = {"members": True, "exclude-members": "from_json, to_json"}
add_module_names = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"rerank-contract {release}"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}


def without_fields(_app: Any, _what: str, _name: str, found: object, *_: Any) -> Any:  # noqa: ANN401
    """Leave the signature of a dataclass out: its fields follow, each with what it means."""
    return ("", None) if isinstance(found, type) and is_dataclass(found) else None


def setup(app: Any) -> None:  # noqa: ANN401
    """Connect the above."""
    app.connect("autodoc-process-signature", without_fields)
