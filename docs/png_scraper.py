"""Figures of tutorials that are files, in the folder that a tutorial calls `folder`."""

import shutil
from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst

_shown: set[Path] = set()


def png_scraper(block: tuple[Any, ...], block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Copy new PNG files into the gallery, and return the text that shows them."""
    folder = block_vars["example_globals"].get("folder")
    new = [] if folder is None else sorted(set(Path(folder).rglob("*.png")) - _shown)
    copies = []
    for path in new:
        copies.append(str(next(block_vars["image_path_iterator"])))
        shutil.copy(path, copies[-1])
        _shown.add(path)
    return "".join(figure_rst([copy], gallery_conf["src_dir"]) for copy in copies)
