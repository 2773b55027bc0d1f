"""The page of an alloy, rendered from its record alone."""

from collections.abc import Mapping, Sequence

from gallery_parts import Record, checksums, data_told, head, tests_told
from gallery_sets import Entry
from gallery_text import bullets, signed, table

FAR = 1.5
"""Index of anomaly above which atoms are unlike all of the data."""

EQUAL = 1e-3
"""Å; lengths of a cell that differ by less are equal."""


def alloy_page(entry: Entry, record: Record) -> str:
    """The page of an alloy of two elements."""
    name, compound, mixing = entry.name, record["compound"], record["mixing"]
    first, second = entry.elements
    return f"""{head(entry, record)}
![Forces, predicted against labels]({name}-forces.png)

*Forces of the test structures, by element.*

{_parts(record)}

MAE (RMSE) of the knee on the test structures. What is larger than anything in the training data stands apart.

## Energies of formation

The {mixing["n"]} alloys of the test set have energies of formation from {signed(mixing["range"][0], ".0f")} to
{mixing["range"][1]:.0f} meV/atom by the labels; the potential misses them by {mixing["mae"]:.2g} (MAE; RMSE
{mixing["rmse"]:.2g}) meV/atom.
Zero, for labels and potential alike, are the structures of {first} and {second} with the lowest labels.

![Energies of formation]({name}-mixing.png)

*Left: all alloys of the test set; right: those below 100 meV/atom, by composition. Their atoms are displaced.*

Structures of the test set with no force above 0.1 eV/Å, one by one:

{_calm(mixing)}

## Elements

{_crystals(record)} From `mlip-rs validate --quick`:

{_element_table(record)}

± σ is that of the potential's own committee: how much the data leave open, not how wrong the first-principles method
is. The data come without reference properties: what is known of their labels is above.

![Phonon bands and density of states of both elements]({name}-phonons.png)

*Phonons of {entry.crystal} {first} and {second}, shaded ± σ.*

## Ordered compounds

Energies of formation are those of perfect prototypes with the axial ratios of their names; the index of anomaly tells
how unlike the data their atoms are (above {FAR}: clearly).

{_compound_table(record)}

{compound["name"]}, relaxed: {_lengths(compound["lengths"])}; {_of_compound(compound)}

![Phonon bands and density of states of the compound]({name}-compound-phonons.png)

*Phonons of {compound["name"]}, shaded ± σ.*

## Where it must not be trusted

{bullets([*entry.notes, *_limits(entry, record)])}

{checksums(record)}"""


def largest_formation_error(record: Record) -> str:
    """For the index of the gallery."""
    return f"formation {record['mixing']['mae']:.2g} meV/atom (mean)"


def _parts(record: Record) -> str:
    header = ["test structures", "number", "energy, meV/atom", "force, eV/Å", "stress, GPa"]
    rows = [
        [
            name,
            str(own["n"]),
            "{:.2f} ({:.2f})".format(*own["energy"]),
            "{:.4f} ({:.4f})".format(*own["force"]),
            "{:.3f} ({:.3f})".format(*own["stress"]),
        ]
        for name, own in record["parts"].items()
    ]
    return table(header, rows)


def _calm(mixing: Record) -> str:
    header = ["structure", "volume, Å³/atom", "labels, meV/atom", "potential, meV/atom"]
    rows = [
        [own["formula"], f"{own['volume']:.2f}", *(signed(own[key], ".1f") for key in ("label", "potential"))]
        for own in mixing["calm"]
    ]
    return table(header, rows)


def _crystals(record: Record) -> str:
    told = [
        f"{own['crystal']['prototype']} {symbol} with a = {own['crystal']['a']:.4f} Å and "
        f"{signed(own['crystal']['energy'], '.4f')} eV per atom"
        for symbol, own in record["elements"].items()
    ]
    return f"The relaxed crystals: {' and '.join(told)}, on the scale of the data."


def _element_table(record: Record) -> str:
    elements = record["elements"]
    shown: dict[tuple[str, str], dict[str, str]] = {}
    units = {}
    for symbol, own in elements.items():
        for row in own["properties"]:
            key = row["property"], row["quantity"]
            kind = row["quantity"].split()[-1]
            if row["property"] == "compounds" or (
                row["property"] == "prototypes" and kind != own["crystal"]["prototype"]
            ):
                continue
            far = row["property"] != "prototypes" and row["outside"]
            shown.setdefault(key, {})[symbol] = row["shown"] + (" (outside the data)" if far else "")
            units[key] = row["unit"]
    rows = [
        [f"{key[0]}: {key[1]}", units[key], *(own.get(symbol, "–") for symbol in elements)]
        for key, own in shown.items()
    ]
    return table(["quantity", "unit", *(f"{symbol} ± σ" for symbol in elements)], rows)


def _compound_table(record: Record) -> str:
    rows: dict[str, dict[str, str]] = {}
    for row in next(iter(record["elements"].values()))["properties"]:
        if row["property"] == "compounds":
            quantity, _, name = row["quantity"].partition(" ")
            rows.setdefault(name, {})[quantity] = row["shown"]
    index: Mapping[str, float] = record["compound"]["index"]
    formulas: Mapping[str, str] = record["compound"]["formulas"]
    header = ["compound", "V0, Å³/atom", "formation, meV/atom", "index of anomaly"]
    cells = [
        [
            f"{name.split()[0]} {formulas[name]}",
            own["V0"],
            own["formation"],
            f"{index[name]:.2g}" + (" (outside the data)" if index[name] > FAR else ""),
        ]
        for name, own in rows.items()
    ]
    return table(header, cells)


def _lengths(lengths: Sequence[float]) -> str:
    if max(lengths) - min(lengths) < EQUAL:
        return f"a = {lengths[0]:.4f} Å"
    return ", ".join(f"{name} = {length:.4f} Å" for name, length in zip("abc", lengths, strict=True))


def _of_compound(compound: Record) -> str:
    told = [f"{row['quantity']} {row['shown']} {row['unit']}" for row in compound["properties"]]
    return f"{', '.join(told)}."


def _limits(entry: Entry, record: Record) -> list[str]:
    told = [data_told(record)]
    crystals = {f"{entry.crystal} {symbol}": own["trust"] for symbol, own in record["elements"].items()}
    for name, own in (crystals | {record["compound"]["name"]: record["compound"]}).items():
        inside = own["volumes_inside"]
        told.append(
            f"Perfect {name} stays inside the data (index of anomaly up to {FAR}) between {inside[0]:.2f} and "
            f"{inside[1]:.2f} of its volume."
            if inside
            else f"Even perfect {name} has an index of anomaly above {FAR}."
        )
    for symbol, own in record["elements"].items():
        index = sorted(own["trust"]["index"].items(), key=lambda one: one[1])
        told.append(
            f"Index of anomaly of perfect crystals of {symbol} at their own volumes: "
            f"{', '.join(f'{kind} {value:.2g}' for kind, value in index)}."
        )
        for name, reasons in own["trust"]["outside"].items():
            if name not in ("short-range", "stress-test", "prototypes", "compounds"):
                told.append(
                    f"The property `{name}` of {symbol} rests on surroundings outside the data: {'; '.join(reasons)}."
                )
        for name, why in own["trust"]["failures"].items():
            told.append(f"The property `{name}` of {symbol} fails: {'; '.join(why)}.")
    return [*told, tests_told(record["trust"])]
