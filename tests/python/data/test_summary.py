import json
from dataclasses import replace

import numpy as np
import pytest

from mlip_rs.data import (
    Dataset,
    Frame,
    duplicate_groups,
    duplicate_labels,
    figures,
    isolated_atoms,
    reference_energies,
    summarize,
)
from mlip_rs.errors import DataError

FCC = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])


def crystal(a=4.05, symbol=13, energy=-14.0, rng=None, **changes):
    positions = a * FCC
    if rng is not None:
        positions = positions + rng.normal(size=(4, 3)) * 0.05
    content = {
        "numbers": np.full(4, symbol),
        "positions": positions,
        "cell": a * np.eye(3),
        "pbc": [True] * 3,
        "energy": energy,
        "forces": np.zeros((4, 3)),
    }
    return Frame(**{**content, **changes})


def isolated(symbol=13, energy=-0.2, length=20.0, **changes):
    return Frame(
        numbers=[symbol],
        positions=[[0, 0, 0]],
        cell=length * np.eye(3),
        pbc=[True] * 3,
        energy=energy,
        **changes,
    )


def numbered(*frames):
    return Dataset(tuple(replace(frame, index=index, file="a.xyz") for index, frame in enumerate(frames)))


def test_copies_are_found_up_to_translation_and_wrapping(rng):
    frames = []
    for _ in range(50):
        first = crystal(rng=rng)
        moved = first.positions + rng.uniform(-9, 9, 3) + 4.05 * rng.integers(-3, 4, (4, 3))
        noise = rng.uniform(-2e-5, 2e-5, (4, 3))
        frames += [first, replace(first, positions=moved + noise)]
    assert duplicate_groups(numbered(*frames)) == tuple((2 * k, 2 * k + 1) for k in range(50))


def test_different_structures_are_not_duplicates(rng):
    first = crystal(rng=rng)
    shifted = first.positions.copy()
    shifted[2] += 0.001
    others = [
        first,
        replace(first, positions=shifted),
        replace(first, cell=first.cell * 1.001),
        replace(first, numbers=[13, 13, 13, 29]),
        replace(first, pbc=[True, True, False]),
    ]
    assert duplicate_groups(numbered(*others)) == ()


def test_duplicates_of_clusters_are_found(rng):
    cluster = Frame(
        numbers=[1, 8], positions=[[0, 0, 0], [0.96, 0, 0]], cell=np.zeros((3, 3)), pbc=[False] * 3
    )
    moved = replace(cluster, positions=cluster.positions + 5.0)
    stretched = replace(cluster, positions=[[0, 0, 0], [1.96, 0, 0]])
    assert duplicate_labels(numbered(cluster, moved, stretched)).tolist() == [0, 0, 2]


def test_many_equal_frames_are_one_group():
    assert duplicate_groups(numbered(*[crystal()] * 300)) == (tuple(range(300)),)


def test_duplicates_with_other_energies_are_flagged():
    summary = summarize(numbered(crystal(), crystal(energy=-14.1), crystal(a=4.2)))
    (duplicate,) = summary.duplicates
    assert duplicate.frames == (0, 1)
    assert duplicate.energy_spread == pytest.approx(0.025)
    assert duplicate.disagrees
    assert any("DISAGREE" in line for line in summary.lines())


def kinds(summary):
    return [(outlier.frame, outlier.kind) for outlier in summary.outliers]


def test_energy_far_above_the_ground_state_is_an_outlier(rng):
    frames = [crystal(rng=rng) for _ in range(5)]
    summary = summarize(numbered(*frames, crystal(rng=rng, energy=14.0)))
    assert kinds(summary) == [(5, "energy")]
    assert "7.00 eV/atom above the lowest" in summary.outliers[0].reason
    assert kinds(summarize(numbered(*frames, crystal(rng=rng, energy=14.0)), energy_window=8.0)) == []


def test_one_absurdly_low_energy_does_not_condemn_the_rest(rng):
    frames = [crystal(rng=rng) for _ in range(5)]
    summary = summarize(numbered(*frames, crystal(rng=rng, energy=-1e4)))
    assert kinds(summary) == [(5, "energy")]
    assert "below the median" in summary.outliers[0].reason


def test_isolated_atoms_are_no_energy_outliers(rng):
    summary = summarize(numbered(*[crystal(rng=rng, energy=-40.0) for _ in range(3)], isolated()))
    assert kinds(summary) == []
    assert summary.isolated_atoms == {"Al": (3,)}


def test_large_forces_short_distances_and_large_stresses_are_outliers():
    forces = np.zeros((4, 3))
    forces[2, 1] = 31.0
    close = 4.05 * FCC
    close[1] = [0.0, 0.0, 1.0]
    summary = summarize(
        numbered(
            crystal(forces=forces), crystal(positions=close), crystal(a=4.1, stress=[2.0, 0, 0, 0, 0, 0])
        )
    )
    assert kinds(summary) == [(0, "force"), (1, "distance"), (2, "stress")]
    assert "atom 2 is 31.0" in summary.outliers[0].reason
    assert "atoms 0 and 1 are 1.00 Å apart" in summary.outliers[1].reason
    assert {outlier.frame for outlier in summary.outliers} == {0, 1, 2}


def volume_series(sign):
    """An equation of state with E = 2 (V − V0)² / V0, so that stress = dE/dV = 4 (V − V0) / V0."""
    reference = 4.05**3
    frames = []
    for a in np.linspace(3.9, 4.2, 7):
        slope = 4.0 * (a**3 - reference) / reference
        energy = 2.0 * (a**3 - reference) ** 2 / reference
        frames.append(crystal(a=a, energy=energy, stress=sign * slope * np.array([1, 1, 1, 0, 0, 0])))
    return numbered(*frames)


def test_stress_of_the_wrong_sign_is_found_from_the_energies():
    limits = {"energy_window": 1e6, "max_stress": 1e6}
    assert kinds(summarize(volume_series(1.0), **limits)) == []
    wrong = kinds(summarize(volume_series(-1.0), **limits))
    assert len(wrong) >= 4
    assert {kind for _, kind in wrong} == {"stress sign"}


def test_summary_is_json_and_counts_by_config_type(rng):
    data = numbered(
        crystal(rng=rng, config_type="a"),
        crystal(rng=rng, config_type="b", energy=None),
        crystal(rng=rng, config_type="a", forces=None),
    )
    summary = summarize(data)
    document = json.loads(json.dumps(summary.to_dict()))
    assert [(g["name"], g["n_frames"], g["n_atoms"]) for g in document["config_types"]] == [
        ("a", 2, 8),
        ("b", 1, 4),
    ]
    assert document["config_types"][1]["energy_per_atom"] is None
    assert document["fingerprint"] == data.fingerprint()
    text = "\n".join(summary.lines())
    assert "3 structures, 12 atoms of Al" in text
    assert "energy 2 (1 missing), forces 2 (1 missing), stress 0 (3 missing)" in text


def test_summary_works_without_energies_or_with_one_atom():
    assert summarize(numbered(crystal(energy=None))).reference is None
    assert summarize(numbered(isolated())).total.nearest_distance is None


def test_given_reference_energies_must_cover_all_elements():
    data = numbered(crystal(), crystal(symbol=29))
    assert reference_energies(data, {"Al": -1.0, "Cu": -2.0}).source == "given"
    with pytest.raises(DataError, match="no reference energy given for Cu"):
        reference_energies(data, {"Al": -1.0})
    with pytest.raises(DataError, match="of Cu is not finite"):
        reference_energies(data, {"Al": -1.0, "Cu": np.nan})


def test_isolated_atoms_in_the_data_are_the_reference():
    data = numbered(crystal(), isolated(energy=-0.1), isolated(energy=-0.3, length=22.0))
    reference = reference_energies(data)
    assert (reference.values, reference.source) == ({"Al": -0.3}, "found")
    assert isolated_atoms(data) == {"Al": (1, 2)}


def test_single_atom_cells_of_a_crystal_are_not_isolated():
    primitive = Frame(
        numbers=[13], positions=np.zeros((1, 3)), cell=2.85 * np.eye(3), pbc=[True] * 3, energy=-3.0
    )
    named = replace(isolated(length=6.0), config_type="IsolatedAtom")
    free = replace(isolated(), pbc=[False] * 3, cell=np.zeros((3, 3)))
    assert isolated_atoms(numbered(primitive, named, free, isolated(length=7.9))) == {"Al": (1, 2)}


def test_reference_energies_are_fitted_to_the_composition():
    mixed = crystal(numbers=[13, 13, 29, 29], energy=-10.0)
    data = numbered(crystal(energy=-12.0), mixed, crystal(symbol=29, energy=-8.0))
    reference = reference_energies(data)
    assert reference.source == "fitted"
    assert reference.values == pytest.approx({"Al": -3.0, "Cu": -2.0})
    assert reference.of(mixed) == pytest.approx(-10.0)


def test_one_composition_gives_the_minimum_norm_reference():
    reference = reference_energies(numbered(crystal(numbers=[13, 13, 29, 29], energy=-10.0)))
    assert reference.values == pytest.approx({"Al": -2.5, "Cu": -2.5})


def test_found_reference_is_kept_while_the_rest_is_fitted():
    data = numbered(isolated(energy=-0.2), crystal(numbers=[13, 13, 29, 29], energy=-10.4))
    reference = reference_energies(data)
    assert reference.values == pytest.approx({"Al": -0.2, "Cu": -5.0})
    assert reference.origins == {"Al": "found", "Cu": "fitted"}


def test_reference_without_energies_is_refused():
    with pytest.raises(DataError, match="no energies from which to fit"):
        reference_energies(numbered(crystal(energy=None)))


def test_figures_draw_what_the_data_holds(tmp_path, rng):
    stressed = [
        crystal(a=a, rng=rng, stress=rng.normal(size=6) * 0.01, config_type=f"kind_{index % 40}")
        for index, a in enumerate(np.linspace(3.8, 4.4, 80))
    ]
    data = numbered(*stressed)
    drawn = figures(data, summarize(data))
    assert set(drawn) == {"energy_volume", "forces", "distances", "stresses"}
    for name, figure in drawn.items():
        figure.savefig(tmp_path / f"{name}.png")
    bare = numbered(crystal(forces=None))
    assert set(figures(bare, summarize(bare))) == {"energy_volume", "distances"}
    lonely = numbered(isolated())
    for figure in figures(lonely, summarize(lonely)).values():
        figure.savefig(tmp_path / "lonely.png")


def test_forces_that_are_all_zero_are_said_to_say_nothing(rng):
    primitive = [
        Frame([29], [[0, 0, 0]], a * np.eye(3), [True] * 3, energy=-a, forces=np.zeros((1, 3)))
        for a in (2.4, 2.5)
    ]
    for frames, which in (
        (primitive, "one atom, on which no force"),
        ([crystal(), crystal(4.1)], "all forces are zero"),
    ):
        (notice,) = summarize(Dataset(tuple(frames))).notices
        assert which in notice
        assert "add cells of several atoms with displacements" in notice
    pushed = crystal(rng=rng, forces=rng.normal(size=(4, 3)))
    assert not summarize(Dataset((*primitive, replace(pushed, numbers=np.full(4, 29))))).notices


def test_data_without_a_force_say_what_they_do_not_determine():
    (notice,) = summarize(numbered(crystal(forces=None), crystal(4.1, forces=None))).notices
    assert notice.startswith("no structure has forces")
    assert "--forces-key" in notice
