"""What made the labels, beside them: a run that resumes with something else is refused."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlip_rs.errors import ConfigError, DataError
from mlip_rs.files import write_atomically
from mlip_rs.text import counted

FORMAT: str = "mlip-rs labels 1"
"""Value of the key `format`."""


class LabelRecord:
    """The file with the settings of labels.

    Parameters
    ----------
    path
        It need not exist.

    Raises
    ------
    DataError
        It is damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.document: dict[str, Any] = {}
        if self.path.exists():
            try:
                document = json.loads(self.path.read_text(encoding="utf-8"))
                known = isinstance(document, dict) and document.get("format") == FORMAT
            except ValueError:
                known = False
            if not known:
                raise DataError(
                    f"{self.path}: is no record of labels; remove it, or choose another output (-o)"
                )
            self.document = document

    @property
    def checked(self) -> bool:
        """Whether forces and stress were compared with differences of the energy."""
        return bool(self.document.get("check"))

    def check(self, settings: Mapping[str, Any], n_labelled: int) -> None:
        """That labels of these settings may be added to those that are there.

        Parameters
        ----------
        settings
            The calculator, its arguments, the digest of its file.
        n_labelled
            Structures in the file of labels; without any, all settings are taken.

        Raises
        ------
        ConfigError
            Names what differs.
        """
        if not self.document or not n_labelled:
            return
        for key in settings:
            what = _difference(key, self.document.get(key), json.loads(json.dumps(settings[key])))
            if what:
                raise ConfigError(
                    f"{self.path}: {what}, and labels of two kinds would be mixed with the "
                    f"{counted(n_labelled, 'structure')} labelled before; choose another output (-o), or remove "
                    f"{self.path.name} if the labels are the same"
                )

    def other_versions(self, versions: Mapping[str, str]) -> list[str]:
        """Sentences on packages that are not those of the run before."""
        before = self.document.get("versions", {})
        return [
            f"labels so far were made with {name} {before[name]}, those to come with {version}"
            for name, version in versions.items()
            if name in before and before[name] != version
        ]

    def write(self, **entries: Any) -> None:  # noqa: ANN401 (what JSON holds)
        """Add entries and write the file.

        Raises
        ------
        OSError
            It cannot be written; the old one is unchanged.
        """
        self.document = {"format": FORMAT, **self.document, **entries}
        write_atomically(self.path, json.dumps(self.document, indent=1, ensure_ascii=False) + "\n")


def _difference(key: str, before: Any, now: Any) -> str:  # noqa: ANN401 (what JSON holds)
    """What differs between two values of a setting, in words; nothing if they are equal.

    >>> _difference("arguments", {"ecut": 300, "xc": "PBE"}, {"ecut": 400, "xc": "PBE"})
    'arguments.ecut was 300, now it is 400'
    """
    if before == now:
        return ""
    if isinstance(before, dict) and isinstance(now, dict):
        name = next(name for name in {**before, **now} if before.get(name) != now.get(name))
        return _difference(f"{key}.{name}", before.get(name), now.get(name))
    if key == "digest":
        return "the file with the calculator has changed"
    if key == "arguments.template_digest":
        return "the files of the template have changed"
    return f"{key} was {_shown(before)}, now it is {_shown(now)}"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if value not in (None, "", {}) else "not set"
    return text if len(text) <= 120 else text[:120] + " …"
