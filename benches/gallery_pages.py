"""Pages of the gallery, rendered from their records alone."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gallery_alloy_pages import alloy_page, largest_formation_error
from gallery_parts import Record, checksums, data_told, head, kinds, tests_told
from gallery_sets import ENTRIES, Entry
from gallery_text import bullets, signed, table

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
                f"[{entry.source}]({entry.link})",
                f"{knee['n_nonzero']:,}",
                f"{knee['us_per_atom']:.1f}",
                f"{errors['energy'][0]:.2f}{cv}",
                f"{errors['force'][0]:.4f}{cv}",
                largest_miss(record),
                f"{{download}}`{file['kilobytes']} kB <{file['file']}>`",
            ]
        )
    header = [
        "potential",
        "data",
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

{table(header, rows)}

Errors are mean absolute errors of the energy and of the force components on test data that no fit has seen, or
cross-validated (cv) where there are none. Times are those of energy, forces and stress together on one core of
machines that other work shared, not all of one speed. The largest miss is that of a property beside the first reference
of its page. Files are `xz`-compressed, {total:.1f} MB together; `mlip_rs.Potential.load` and the command line read them
as they are, LAMMPS after `xz -d`. The committee behind the error bars is rounded to 32 bits in them, which changes an
error bar by less than 0.1 %.

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
        + "Not here: students of 7net-0 for copper and molybdenum, of which some\n"
        "properties miss their teacher's ([distillation](../distillation.md)); and lithium, potassium, gallium,\n"
        "indium and silver by our own first principles ([metals](../../examples/metals/README.md)), whose 87 to\n"
        "189 labels leave test errors of 10 to 38 meV/atom."
    )


def page(entry: Entry, record: Record) -> str:
    """The page of a potential."""
    if len(entry.elements) > 1:
        return alloy_page(entry, record)
    name, a_crystal = entry.name, _crystal(record["crystal"])
    return f"""{head(entry, record)}
![Forces, predicted against labels]({name}-forces.png)

*Forces of the {"test" if record["n_test"] else "training"} structures.*

{kinds(record)}

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

{bullets([*entry.notes, *misfits(record), *_limits(record)])}

{checksums(record)}"""


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
            remarks.append(f"best potential of the fit: {signed(deviation, '+.0f')} %")
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


def largest_miss(record: Record) -> str:
    """The property that misses its first reference by most."""
    if "mixing" in record:
        return largest_formation_error(record)
    worst = max(next(iter(comparisons(record).values())), key=lambda one: abs(one.deviation))
    return f"{worst.quantity} {signed(100.0 * worst.deviation, '+.0f')} %"


def _strained_table(record: Record) -> str:
    strained = record["strained"]
    if not strained:
        return ""
    keys = [key for key in strained["labels"] if key not in ("a0", "pressure")]
    rows = [[f"{key}, GPa", *(f"{own[key]:.4g}" for own in strained.values())] for key in keys]
    rows.append(["a0, Å", *(f"{own['a0']:.4f}" for own in strained.values())])
    pressure = signed(round(strained["labels"]["pressure"], 1) + 0.0, ".1f")  # not −0.0
    return f"""
In the strained cells of the data, whose undistorted crystal is under {pressure} GPa: slopes of cubic polynomials
through the stresses up to 6 %, by the labels and by the potentials in the same cells; a0 is put right by the pressure.

{table(["quantity", *strained], rows)}
"""


def _limits(record: Record) -> list[str]:
    """Sentences on the data and on what the checks found."""
    trust = record["trust"]
    told = [
        data_told(record),
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
    return [*told, tests_told(trust)]


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


def _crystal(crystal: Record) -> str:
    lengths = f"a = {crystal['a']:.4f} Å" + (f", c = {crystal['c']:.4f} Å" if "c" in crystal else "")
    return (
        f"The relaxed {crystal['prototype']} crystal: {lengths}, energy {signed(crystal['energy'], '.4f')} eV per "
        "atom on the scale of the data. From `mlip-rs validate --quick`:"
    )


def _property_table(record: Record) -> str:
    sources = list(record["references"])
    rows = []
    for row in record["properties"]:
        values = [
            record["references"][source].get(row["property"], {}).get(row["quantity"]) for source in sources
        ]
        if not _shown(row, values, record):
            continue
        cells = ["–" if value is None else signed(value, ".4g") for value in values]
        outside = " (outside the data)" if row["outside"] and row["property"] != "prototypes" else ""
        rows.append([f"{row['property']}: {row['quantity']}{outside}", row["unit"], row["shown"], *cells])
    return table(["quantity", "unit", "potential ± σ", *sources], rows)


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
