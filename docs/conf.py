"""Sphinx: the site of the documentation, made by `make docs` without network."""

import re
import sys
import warnings
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # for png_scraper

project = "mlip_rs"
author = "The mlip_rs developers"
copyright = author
version = release = version_of("mlip_rs")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["tutorials/README.rst"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "code"
highlight_language = "none"
smartquotes = False
autodoc_typehints = "none"  # the signature has them
autodoc_member_order = "bysource"
python_display_short_literal_types = True
napoleon_google_docstring = False
napoleon_use_rtype = False

sphinx_gallery_conf = {
    "examples_dirs": "tutorials",
    "gallery_dirs": "_tutorials",
    "filename_pattern": r"/\d_",
    "image_scrapers": ("matplotlib", "png_scraper.png_scraper"),
    "download_all_examples": False,
    "show_memory": False,
    "capture_repr": (),
    "write_computation_times": False,  # a page that would load scripts from elsewhere
    "show_signature": False,
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "remove_config_comments": True,
}
warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive.*")

html_theme = "furo"
html_title = "mlip_rs"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True


def outside_links(app: Any, name: str, source: list[str]) -> None:
    """Links to files that are not in the site: the benchmarks are, as a page; of others the text is left."""
    del app
    up = "../" * name.count("/")
    source[0] = re.sub(r"\]\((?:\.\./)+benches/README\.md", f"]({up}benchmarks.md", source[0])
    source[0] = re.sub(
        r"\[([^\]]+)\]\((?:\.\./)+(?:examples|python|src|tests|benches)[^)]*\)", r"\1", source[0]
    )


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", outside_links)
