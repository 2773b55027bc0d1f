"""The gallery of the documentation: for each potential a page, figures, its record and the file to download.

    python benches/gallery.py DATA [--sets Si Mo ...] [--runs benches/out/gallery] [-o docs/gallery]

DATA is the folder that holds `mlearn/` (`accuracy.py` says what is in it) and `mlearn2/` (data of the repositories that
the pages name, as extended XYZ); the data of aluminium are shipped. A run directory that is missing is made by
`mlip-rs fit` (or `distil`) with default settings, on the page as a command; one that is there is taken as it is. Then
the knee is validated, verified and written, and all numbers of the page go into a record beside it (NAME.json), from
which the page is rendered; `--render` does only that. Four to six minutes for each potential on one core, most of them
for the fit; the alloy, silver–gold, takes thirteen.
"""

import argparse
import json
from pathlib import Path

from gallery_pages import index_page, page
from gallery_sets import ENTRIES

from mlip_rs.files import write_atomically


def records(folder: Path) -> dict[str, dict]:
    """Records of the finished potentials, in the order of the gallery."""
    found = {entry.name: folder / f"{entry.name}.json" for entry in ENTRIES}
    return {
        name: json.loads(path.read_text(encoding="utf-8")) for name, path in found.items() if path.is_file()
    }


def render(folder: Path) -> None:
    """Write the pages of all records, and the index."""
    finished = records(folder)
    for entry in ENTRIES:
        if entry.name in finished:
            write_atomically(folder / f"{entry.name}.md", page(entry, finished[entry.name]))
    write_atomically(folder / "index.md", index_page(finished))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", default=Path())
    names = [entry.name for entry in ENTRIES]
    parser.add_argument("--sets", nargs="+", choices=names, default=names)
    parser.add_argument("--runs", type=Path, default=Path("benches/out/gallery"))
    parser.add_argument("--render", action="store_true", help="only render the pages of the records")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/gallery"))
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for entry in ENTRIES:
        if entry.name in arguments.sets and not arguments.render:
            from gallery_alloy import finished_alloy
            from gallery_figures import save
            from gallery_run import finished, write_potential

            finish = finished if len(entry.elements) == 1 else finished_alloy
            found = finish(entry, arguments.data, arguments.runs)
            folder, name = arguments.output, entry.name
            for kind, figure in found.figures.items():
                save(figure, folder / f"{name}-{kind}.png")
            found.record["potential"] = write_potential(found.potential, folder / f"{name}.mlip.json.xz")
            text = json.dumps(found.record, indent=1, ensure_ascii=False)
            write_atomically(folder / f"{name}.json", text + "\n")
            print(f"{name}: finished", flush=True)
    render(arguments.output)


if __name__ == "__main__":
    main()
