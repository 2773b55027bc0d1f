"""What made labels, as the files of `mlip-rs label` tell of every structure."""

from collections.abc import Mapping

from mlip_rs.text import counted

TEACHER: str = "teacher"
"""First word of a source that is itself a potential."""


def has_teacher(sources: Mapping[str, int]) -> bool:
    """Whether a potential made some of the labels.

    Parameters
    ----------
    sources
        Numbers of structures by source.

    Examples
    --------
    >>> has_teacher({"teacher 7net-0 (sevenn 0.13.0)": 200}), has_teacher({"gpaw_al.py:make (gpaw 26.7.0)": 200})
    (True, False)
    """
    return any(source.partition(" ")[0] == TEACHER for source in sources)


def sources_text(sources: Mapping[str, int], n_structures: int) -> str:
    """What made the labels of a set, in words; empty if nothing is known.

    Parameters
    ----------
    sources
        Numbers of structures by source.
    n_structures
        Number of structures in all.

    Examples
    --------
    >>> sources_text({"teacher 7net-0 (sevenn 0.13.0)": 200}, 200)
    'teacher 7net-0 (sevenn 0.13.0)'
    >>> sources_text({"teacher chgnet (chgnet 0.4.2)": 150}, 200)
    'teacher chgnet (chgnet 0.4.2) (150 structures), not said (50)'
    """
    unknown = n_structures - sum(sources.values())
    if len(sources) == 1 and not unknown:
        return next(iter(sources))
    parts = [
        f"{source} ({counted(n, 'structure') if not k else n})"
        for k, (source, n) in enumerate(sources.items())
    ]
    if parts and unknown:
        parts.append(f"not said ({unknown})")
    return ", ".join(parts)


def teacher_sentence(sources: Mapping[str, int]) -> str:
    """What readers of errors and error bars have to know of labels by a potential; empty for other labels.

    Examples
    --------
    >>> print(teacher_sentence({"teacher 7net-0 (sevenn 0.13.0)": 200}).partition(". ")[0])
    Labels: teacher 7net-0 (sevenn 0.13.0)
    """
    if not has_teacher(sources):
        return ""
    named = ", ".join(source for source in sources if has_teacher({source: 1}))
    return (
        f"Labels: {named}. Errors and error bars are those against the teacher; how far the teacher itself is from "
        "first principles is not known, and no error bar here contains it."
    )
