"""Parts that all pages of the gallery have: head, errors, data, tests."""

from collections.abc import Mapping
from typing import Any

from gallery_sets import Entry
from gallery_text import signed, table

Record = Mapping[str, Any]


def head(entry: Entry, record: Record) -> str:
    """Title, size, source, file, and the commands that repeat the page."""
    knee, file = record["points"]["knee"], record["potential"]
    command = "\n".join(entry.commands)
    return f"""# {entry.title[0].upper()}{entry.title[1:]}

{knee["n_nonzero"]:,} of {knee["n_features"]:,} candidate functions; cutoff {file["cutoff"]:g} Å;
{knee["us_per_atom"]:.1f} µs per atom on one core of a machine that other work shared.
Data: [{entry.source}]({entry.link}); {entry.licence}.

{{download}}`{file["file"]} <{file["file"]}>` ({file["kilobytes"]} kB; {file["kilobytes_unpacked"]} kB after `xz -d`)

```python
import mlip_rs

atoms.calc = mlip_rs.Potential.load("{file["file"]}").calculator()
```

To repeat the fit, and this page:

```
{command}
python benches/gallery.py DATA --sets {entry.name}
```

## Errors

{error_table(record)}

MAE (RMSE). {parts_told(record)}

![Error against cost of the potentials of this fit]({entry.name}-front.png)

*All potentials of this fit: cross-validated errors against predicted times; thin lines lead to the measured times.*
"""


def checksums(record: Record) -> str:
    """Of the file and its data."""
    file, data = record["potential"]["checksum"], record["data"]["fingerprint"][:16]
    return f"Checksum of the file: `{file}`; of its training data: `{data}…`.\n"


def data_told(record: Record) -> str:
    """What is in the data, and where they end."""
    data, trust = record["data"], record["trust"]
    kinds = ", ".join(
        f"{kind} {count}" for kind, count in sorted(data["config_types"].items(), key=lambda own: -own[1])[:8]
    )
    more = len(data["config_types"]) - 8
    closest = min(trust["range"]["closest_angstrom"].values())
    low, high = trust["range"]["pressure_gpa"]
    return (
        f"The data: {data['n_structures']} structures, {data['n_atoms']:,} atoms, at most {data['largest_cell']} in a "
        f"cell ({kinds}{f', and {more} more kinds' if more > 0 else ''}); "
        f"volumes {data['volumes'][0]:g} to {data['volumes'][1]:g} Å³ per atom with vacuum, where there is some, "
        f"pressures {signed(low, '.0f')} to {high:.0f} GPa, forces up to {data['largest_force']:g} eV/Å, "
        f"atoms no closer than {closest:.2f} Å. "
        "Nearer than that a repulsion takes over, which is safe but not accurate."
    )


def parts_told(record: Record) -> str:
    """What validation and test are."""
    validation = "five-fold cross-validation, each\nstructure predicted by a fit without it."
    if not record["n_test"]:
        return f"Validation: {validation} There is no test file."
    return f"Test: {record['n_test']} structures that no fit has seen; validation: {validation}"


def error_table(record: Record) -> str:
    """Errors of the chosen potentials, a row for each part of the data."""
    units = {"energy": ("energy, meV/atom", 2), "force": ("force, eV/Å", 4), "stress": ("stress, GPa", 3)}
    header = ["", "coefficients", "µs/atom", *(label for label, _ in units.values())]
    rows = []
    for name, own in record["points"].items():
        for part in ("test", "validation"):
            if part in own:
                cells = [
                    "{:.{d}f} ({:.{d}f})".format(*own[part][key], d=digits) if key in own[part] else "–"
                    for key, (_, digits) in units.items()
                ]
                rows.append([f"{name}, {part}", f"{own['n_nonzero']:,}", f"{own['us_per_atom']:.1f}", *cells])
    return table(header, rows)


def kinds(record: Record) -> str:
    """The kinds of structures with the largest errors, in a sentence; empty where there is one kind."""
    kinds = record["points"]["knee"]["by_kind"]
    known = sorted(
        (own["energy"][1], own["force"][1], kind) for kind, own in kinds.items() if "energy" in own
    )
    if len(known) < 2:
        return ""
    told = ", ".join(f"`{kind}` {energy:.1f} and {force:.3f}" for energy, force, kind in known[::-1][:6])
    return f"By kind of structure, on the training data (RMSE, meV/atom and eV/Å), the worst first: {told}."


def tests_told(trust: Record) -> str:
    """What the stress tests and the checks of the file found."""
    fit, again = trust["stress_tests"]["fit"], trust["stress_tests"]["again"]
    verify = trust["verify"]
    results = [
        f"the stress test of the fit ({fit['n_structures']} crowded, hot, random and open structures) was "
        + ("passed" if fit["passed"] else "FAILED"),
        f"one of another seed was {'passed' if again['passed'] else 'FAILED'}",
        f"of {verify['n']} checks of `mlip-rs verify` "
        + (f"{', '.join(verify['failed'])} FAILED" if verify["failed"] else "all passed"),
    ]
    return (
        f"Tests: {'; '.join(results)}. A test that is passed shows no hole where it looked, and nothing "
        "about accuracy."
    )
