"""Pages of the gallery, rendered from their records alone."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gallery_sets import ENTRIES, Entry

Record = Mapping[str, Any]
LARGE_MISFIT = 0.1
"""Relative deviation from a reference that is named in a sentence."""

COVERED = 1.645
"""Half-width in σ of an error bar of 90 %."""

LARGEST_VOLUME = 1.6
"""Of the crystal, in units of its own, at which the index of anomaly was computed."""

DIFFERENCES = " − "
"""In the names of quantities that are differences of energies, whose relative deviation says little."""


def index_page(records: Mapping[str, Record]) -> str:
    """The table of all potentials, and the hidden toctree of their pages."""
    entries = [entry for entry in ENTRIES if entry.name in records]
    rows = []
    for entry in entries:
        record = records[entry.name]
        knee, file = record["points"]["knee"], record["potential"]
        errors, cv = (knee["test"], "") if "test" in knee else (knee["validation"], " (cv)")
        rows.append(
            [
                f"[{entry.title}]({entry.name}.md)",
                f"[{entry.source}]({entry.link}); {entry.licence}",
                f"{knee['n_nonzero']:,}",
                f"{knee['us_per_atom']:.1f}",
                f"{errors['energy'][0]:.2f}{cv}",
                f"{errors['force'][0]:.4f}{cv}",
                _largest_miss(record),
                f"{{download}}`{file['kilobytes']} kB <{file['file']}>`",
            ]
        )
    header = [
        "potential",
        "data, licence",
        "coefficients",
        "µs/atom",
        "meV/atom",
        "eV/Å",
        "largest miss",
        "file",
    ]
    total = sum(record["potential"]["kilobytes"] for record in records.values()) / 1e3
    pages = "\n".join(entry.name for entry in entries)
    return f"""# Gallery

Potentials made here with default settings, each with its errors, its properties beside first principles, and where it
must not be trusted. The files are those of the *knee*: the cheapest potential whose cross-validated score is within
10 % of the best.

{_table(header, rows)}

Errors are mean absolute errors of the energy and of the force components on test data that no fit has seen, or
cross-validated (cv) where there are none. Times are those of energy, forces and stress together on one core of a
machine that other work shared. The largest miss is that of a property beside the first reference of its page. Files are
`xz`-compressed, {total:.1f} MB together; `mlip_rs.Potential.load` and the command line read them as they are, LAMMPS
after `xz -d`. The committee behind the error bars is rounded to 32 bits in them, which changes an error bar by less
than 0.1 %.

One command repeats a page, its figures and its file, fit included:

```
python benches/gallery.py DATA --sets Si -o docs/gallery
```

`DATA` holds `mlearn/Si_train.xyz` and its like, made from the repositories named above; the data of aluminium are
shipped. {_left_out(entries)}

```{{toctree}}
:hidden:

{pages}
```
"""


def _left_out(entries: Sequence[Entry]) -> str:
    missing = [entry.title for entry in ENTRIES if entry not in entries]
    return (
        (f"Not fitted yet: {', '.join(missing)}. " if missing else "")
        + "Not here: silver–gold, whose fit takes eight minutes\n"
        "([benchmarks](../../benches/README.md)), and students of 7net-0 for copper and molybdenum, of which some\n"
        "properties miss their teacher's ([distillation](../distillation.md))."
    )


def page(entry: Entry, record: Record) -> str:
    """The page of a potential."""
    name, knee, file = entry.name, record["points"]["knee"], record["potential"]
    command = "\n".join(entry.commands)
    a_crystal = _crystal(record["crystal"])
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
python benches/gallery.py DATA --sets {name}
```

## Errors

{_error_table(record)}

MAE (RMSE). {_parts_told(record)}

![Error against cost of the potentials of this fit]({name}-front.png)

*All potentials of this fit: cross-validated errors against predicted times; thin lines lead to the measured times.*

![Forces, predicted against labels]({name}-forces.png)

*Forces of the {"test" if record["n_test"] else "training"} structures.*

{_kinds(record)}

## Properties

{a_crystal}

{_property_table(record)}

± σ is that of the potential's own committee: how much the data leave open, not how wrong the first-principles method
is.
{_reference_notes(entry, record)}
{_strained_table(record)}
![Phonon bands and density of states]({name}-phonons.png)

*Phonons of the {record["crystal"]["prototype"]} crystal, shaded ± σ.*

## Where it must not be trusted

{_bullets([*entry.notes, *misfits(record), *_limits(record)])}

Checksum of the file: `{file["checksum"]}`; of its training data: `{record["data"]["fingerprint"][:16]}…`.
"""


def _parts_told(record: Record) -> str:
    validation = "five-fold cross-validation, each\nstructure predicted by a fit without it."
    if not record["n_test"]:
        return f"Validation: {validation} There is no test file."
    return f"Test: {record['n_test']} structures that no fit has seen; validation: {validation}"


class Comparison(NamedTuple):
    """A quantity beside a reference; the standard error, and the value of the best potential of the fit, if known."""

    quantity: str
    value: float
    reference: float
    sigma: float | None
    best: float | None = None

    @property
    def deviation(self) -> float:
        return self.value / self.reference - 1.0

    def told(self) -> str:
        """The deviation in words, and whether the error bar covers it."""
        remarks = []
        if self.sigma is not None:
            covered = abs(self.value - self.reference) <= COVERED * self.sigma
            remarks.append(f"{'inside' if covered else 'outside'} the error bar of 90 %")
        if self.best is not None:
            deviation = 100.0 * (self.best / self.reference - 1.0)
            remarks.append(f"best potential of the fit: {_signed(deviation, '+.0f')} %")
        sign = "above" if self.deviation > 0 else "below"
        remark = f" ({'; '.join(remarks)})" if remarks else ""
        return f"{self.quantity} is {100.0 * abs(self.deviation):.0f} % {sign}{remark}"


def comparisons(record: Record) -> dict[str, list[Comparison]]:
    """Everything that is compared, by what with; differences of energies, whose ratio says little, are left out."""
    sigmas = {(row["property"], row["quantity"]): row["sigma"] for row in record["properties"]}
    found: dict[str, list[Comparison]] = {}
    if record["strained"]:
        labels, knee, best = (record["strained"][name] for name in ("labels", "knee", "best"))
        found["the labels in the strained cells"] = [
            Comparison(key, knee[key], labels[key], sigmas.get(("elastic", key)), best[key])
            for key in labels
            if key != "pressure"
        ]
    for source, values in record["references"].items():
        found[source] = [
            Comparison(row["quantity"], row["value"], reference, row["sigma"])
            for row in record["properties"]
            if (reference := values.get(row["property"], {}).get(row["quantity"]))
            and DIFFERENCES not in row["quantity"]
        ]
    return found


def misfits(record: Record) -> list[str]:
    """A sentence for every reference: what the potential misses by more than a tenth."""
    told = []
    for source, own in comparisons(record).items():
        missed = [one.told() for one in own if abs(one.deviation) > LARGE_MISFIT]
        nothing = "nothing that is compared is off by more than 10 %"
        told.append(f"Beside {source}, {', '.join(missed) or nothing}.")
    return told


def _largest_miss(record: Record) -> str:
    worst = max(next(iter(comparisons(record).values())), key=lambda one: abs(one.deviation))
    return f"{worst.quantity} {_signed(100.0 * worst.deviation, '+.0f')} %"


def _strained_table(record: Record) -> str:
    strained = record["strained"]
    if not strained:
        return ""
    keys = [key for key in strained["labels"] if key not in ("a0", "pressure")]
    rows = [[f"{key}, GPa", *(f"{own[key]:.4g}" for own in strained.values())] for key in keys]
    rows.append(["a0, Å", *(f"{own['a0']:.4f}" for own in strained.values())])
    pressure = _signed(round(strained["labels"]["pressure"], 1) + 0.0, ".1f")  # not −0.0
    return f"""
In the strained cells of the data, whose undistorted crystal is under {pressure} GPa: slopes of cubic polynomials
through the stresses up to 6 %, by the labels and by the potentials in the same cells; a0 is put right by the pressure.

{_table(["quantity", *strained], rows)}
"""


def _limits(record: Record) -> list[str]:
    """Sentences on the data and on what the checks found."""
    data, trust = record["data"], record["trust"]
    kinds = ", ".join(
        f"{kind} {count}" for kind, count in sorted(data["config_types"].items(), key=lambda own: -own[1])[:8]
    )
    more = len(data["config_types"]) - 8
    closest = min(trust["range"]["closest_angstrom"].values())
    low, high = trust["range"]["pressure_gpa"]
    told = [
        f"The data: {data['n_structures']} structures, {data['n_atoms']:,} atoms, at most {data['largest_cell']} in a "
        f"cell ({kinds}{f', and {more} more kinds' if more > 0 else ''}); "
        f"volumes {data['volumes'][0]:g} to {data['volumes'][1]:g} Å³ per atom with vacuum, where there is some, "
        f"pressures {_signed(low, '.0f')} to {high:.0f} GPa, forces up to {data['largest_force']:g} eV/Å, "
        f"atoms no closer than {closest:.2f} Å. "
        "Nearer than that a repulsion takes over, which is safe but not accurate.",
        _volumes_told(record),
        _index_told(record),
    ]
    if trust["lowest"] != record["crystal"]["prototype"]:
        told.append(
            f"The lowest of the prototypes, whose axial ratios are fixed, is {trust['lowest']}, "
            f"{trust['above_lowest_mev']:g} meV/atom below {record['crystal']['prototype']}: "
            "do not take phase stability from it."
        )
    for name, reasons in trust["outside"].items():
        if name not in ("short-range", "stress-test", "prototypes"):
            told.append(
                f"The property `{name}` rests on surroundings outside the data: {'; '.join(reasons)}."
            )
    told += [f"The property `{name}` fails: {'; '.join(why)}." for name, why in trust["failures"].items()]
    if trust["isolated_atoms"]:
        told.append(
            "The energy of the free atom was fitted, not given: it has no cohesive energies, and atoms must not "
            "evaporate."
        )
    return [*told, _tests_told(trust)]


def _volumes_told(record: Record) -> str:
    inside, crystal = record["trust"]["volumes_inside"], record["crystal"]["prototype"]
    if not inside:
        return f"Even the perfect {crystal} crystal has an index of anomaly above 1.5."
    widest = " (the largest tried)" if inside[1] >= LARGEST_VOLUME else ""
    return (
        f"The perfect {crystal} crystal stays inside the data (index of anomaly up to 1.5) between {inside[0]:.2f} and "
        f"{inside[1]:.2f}{widest} of its volume."
    )


def _index_told(record: Record) -> str:
    index = sorted(record["trust"]["index"].items(), key=lambda own: own[1])
    told = ", ".join(f"{name} {value:.2g}" for name, value in index)
    return (
        f"Index of anomaly of perfect crystals at their own volumes: {told}. Above 1.5 the atoms are unlike all of the "
        "data, and the energy is a guess; below, they look like some atoms of the data, which need not contain that "
        "crystal."
    )


def _tests_told(trust: Record) -> str:
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


def _crystal(crystal: Record) -> str:
    lengths = f"a = {crystal['a']:.4f} Å" + (f", c = {crystal['c']:.4f} Å" if "c" in crystal else "")
    return (
        f"The relaxed {crystal['prototype']} crystal: {lengths}, energy {_signed(crystal['energy'], '.4f')} eV per "
        "atom on the scale of the data. From `mlip-rs validate --quick`:"
    )


def _error_table(record: Record) -> str:
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
    return _table(header, rows)


def _kinds(record: Record) -> str:
    kinds = record["points"]["knee"]["by_kind"]
    known = sorted(
        (own["energy"][1], own["force"][1], kind) for kind, own in kinds.items() if "energy" in own
    )
    if len(known) < 2:
        return ""
    told = ", ".join(f"`{kind}` {energy:.1f} and {force:.3f}" for energy, force, kind in known[::-1][:6])
    return f"By kind of structure, on the training data (RMSE, meV/atom and eV/Å), the worst first: {told}."


def _property_table(record: Record) -> str:
    sources = list(record["references"])
    rows = []
    for row in record["properties"]:
        values = [
            record["references"][source].get(row["property"], {}).get(row["quantity"]) for source in sources
        ]
        if not _shown(row, values, record):
            continue
        cells = ["–" if value is None else _signed(value, ".4g") for value in values]
        outside = " (outside the data)" if row["outside"] and row["property"] != "prototypes" else ""
        rows.append([f"{row['property']}: {row['quantity']}{outside}", row["unit"], row["shown"], *cells])
    return _table(["quantity", "unit", "potential ± σ", *sources], rows)


def _shown(row: Record, values: Sequence[float | None], record: Record) -> bool:
    """Whether a row is worth printing: of the prototypes the ground state, and what is compared."""
    own = row["property"] != "prototypes" or row["quantity"].split()[-1] == record["crystal"]["prototype"]
    return own or any(value is not None for value in values)


def _reference_notes(entry: Entry, record: Record) -> str:
    told = []
    if entry.published:
        told.append(f"Published: {entry.published_source}.")
    if entry.reference:
        told.append("DFT: computed directly with the settings of the data (examples/al).")
    if "–" in _property_table(record):
        told.append("A dash: the source gives no value.")
    return " ".join(told)


def _signed(value: float, form: str) -> str:
    return f"{value:{form}}".replace("-", "−")


def _bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
