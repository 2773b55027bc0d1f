"""Pages of the documentation that say more than a message can."""

PAGES: dict[str, str] = {
    "labels contradict": "docs/label-checks.md#what-is-found",
    "nothing was written": "docs/labelling.md#what-becomes-a-label",
    "rows of data": "docs/howto/faster-fits.md#more-functions-than-data",
    "features need about": "docs/howto/faster-fits.md",
    "no error bars": "docs/uncertainty.md#how-it-is-made",
    "index of anomaly": "docs/uncertainty.md#how-it-is-made",
    "not to be trusted outside the data": "docs/howto/choose.md#potentials-that-failed-their-stress-test",
    "not to be trusted at short range": "docs/howto/short-range.md",
    "LAMMPS is not installed": "docs/lammps.md",
    "LAMMPS does not start": "docs/lammps.md#what-goes-wrong-and-why",
    "pair style mlip/rs": "docs/lammps.md#what-goes-wrong-and-why",
    "scheduler of Dask is gone": "docs/howto/many-machines.md",
}
"""Page and section by words that an error or a warning of that kind has, and no other."""


def with_page(message: str) -> str:
    """A message with the page that helps, if there is one.

    >>> with_page("the scheduler of Dask is gone; run the same command again to resume")
    'the scheduler of Dask is gone; run the same command again to resume; see docs/howto/many-machines.md'
    >>> with_page("al.extxyz: cannot be read; check the path")
    'al.extxyz: cannot be read; check the path'
    """
    page = next((page for words, page in PAGES.items() if words in message), None)
    return message if page is None else f"{message.rstrip('.')}; see {page}"
