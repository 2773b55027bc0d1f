//! The compiled evaluator against the reference.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{FAMILIES, HIERARCHIES, Random, alloy, random_potential, spec};
use mlip_rs::basis::spec::BasisSpec;
use mlip_rs::potential::{Evaluation, Potential};
use mlip_rs::{Cell, NeighborList, Structure};
use serde_json::json;

const ENERGY_TOLERANCE: f64 = 1e-6;
const FORCE_TOLERANCE: f64 = 1e-5;

/// Largest differences of energy per atom, force and virial between the two evaluators, eV, eV/Å, eV.
fn differences(potential: &Potential, structure: &Structure) -> (f64, f64, f64) {
    let list = NeighborList::new(structure, potential.basis().cutoff()).unwrap();
    let fast = potential.evaluate(structure, &list).unwrap();
    let reference = potential.evaluate_reference(structure, &list).unwrap();
    compare(&fast, &reference)
}

fn compare(a: &Evaluation, b: &Evaluation) -> (f64, f64, f64) {
    fn largest<const N: usize>(a: &[[f64; N]], b: &[[f64; N]]) -> f64 {
        let pairs = a.iter().flatten().zip(b.iter().flatten());
        pairs
            .map(|(x, y)| (x - y).abs())
            .fold(0.0, |m, x| if x > m || x.is_nan() { x } else { m })
    }
    let energies = |e: &Evaluation| e.energies.iter().map(|x| [*x]).collect::<Vec<_>>();
    (
        largest(&energies(a), &energies(b)),
        largest(&a.forces, &b.forces),
        largest(&a.virials, &b.virials),
    )
}

fn assert_equal(potential: &Potential, structure: &Structure, what: &str) {
    let (energy, force, virial) = differences(potential, structure);
    assert!(energy < ENERGY_TOLERANCE, "{what}: energy {energy:e}");
    assert!(force < FORCE_TOLERANCE, "{what}: force {force:e}");
    assert!(virial < FORCE_TOLERANCE, "{what}: virial {virial:e}");
}

/// A disordered alloy without atoms closer than about 2 Å.
fn disordered(n: usize, elements: usize) -> Structure {
    let mut random = Random::new(29);
    let positions: Vec<[f64; 3]> = (0..n * n * n)
        .map(|k| [k / (n * n), k / n % n, k % n].map(|x| 2.5 * x as f64 + 0.2 * random.next()))
        .collect();
    let numbers = (0..positions.len())
        .map(|k| if k % 3 == 0 && elements > 1 { 28 } else { 13 })
        .collect();
    let length = 2.5 * n as f64;
    let cell = Cell::new(
        [[length, 0.0, 0.0], [0.0, length, 0.0], [0.0, 0.0, length]],
        [true, false, true],
    )
    .unwrap();
    Structure::new(cell, positions, numbers).unwrap()
}

#[test]
fn compiled_and_reference_evaluator_agree_for_every_family_hierarchy_and_number_of_elements() {
    for family in FAMILIES {
        for hierarchy in HIERARCHIES {
            for n in [1, 2] {
                let spec = spec(&["Al", "Ni"][..n], family, hierarchy);
                let (potential, _) = random_potential(spec, 7);
                let what = format!("{family} {hierarchy} {n}");
                assert_equal(&potential, &alloy(n), &what);
            }
        }
    }
}

#[test]
fn evaluators_agree_in_structures_of_many_clusters() {
    for hierarchy in HIERARCHIES {
        let (potential, _) = random_potential(spec(&["Al", "Ni"], "gaussian", hierarchy), 11);
        assert_equal(&potential, &disordered(9, 2), hierarchy);
    }
}

#[test]
fn close_and_crowded_atoms_have_the_same_repulsion_in_both_evaluators() {
    for (hierarchy, outer) in HIERARCHIES.into_iter().flat_map(|h| [(h, 2.2), (h, 3.1)]) {
        let mut document =
            serde_json::to_value(spec(&["Al", "Ni"], "gaussian", hierarchy)).unwrap();
        document["repulsion"] = json!({
            "inner": [[0.6 * outer, 0.5 * outer], [0.5 * outer, 0.7 * outer]],
            "outer": [[outer, outer], [outer, outer]],
            "density": {"onset": [4.0, 6.0], "end": [20.0, 9.0]},
        });
        let spec = BasisSpec::from_json(&document.to_string()).unwrap();
        let (potential, _) = random_potential(spec, 13);
        assert_equal(&potential, &alloy(2), hierarchy);
        assert_equal(&potential, &disordered(5, 2), hierarchy);
        // A dimer from far inside to beyond the cutoff.
        for k in 0..100 {
            let r = 0.3 + 0.05 * f64::from(k);
            let positions = vec![[0.0; 3], [0.6 * r, 0.0, -0.8 * r]];
            let dimer = Structure::new(Cell::open(), positions, vec![13, 28]).unwrap();
            let (energy, force, _) = differences(&potential, &dimer);
            assert!(
                energy < ENERGY_TOLERANCE && force < FORCE_TOLERANCE,
                "{hierarchy} {r}"
            );
        }
    }
}

#[test]
fn below_the_table_functions_are_exact() {
    for family in FAMILIES {
        let (potential, _) = random_potential(spec(&["Al"], family, "angular"), 17);
        for r in [0.05, 0.3, 0.79, 0.81] {
            let positions = vec![[0.0; 3], [r, 0.0, 0.0], [0.0, 2.0, 0.1]];
            let trimer = Structure::new(Cell::open(), positions, vec![13; 3]).unwrap();
            let list = NeighborList::new(&trimer, 4.5).unwrap();
            let fast = potential.evaluate(&trimer, &list).unwrap();
            let reference = potential.evaluate_reference(&trimer, &list).unwrap();
            let scale = reference
                .forces
                .iter()
                .flatten()
                .fold(1.0_f64, |m, f| m.max(f.abs()));
            let (energy, force, _) = compare(&fast, &reference);
            assert!(
                energy < 1e-6 * scale && force < 1e-6 * scale,
                "{family} {r}"
            );
        }
    }
}

#[test]
fn evaluators_agree_for_sparse_potentials_of_several_radial_sets() {
    let document = json!({
        "elements": ["Al", "Ni"], "cutoff": 4.5, "cutoff_function": "cosine",
        "radial": [
            {"function": common::radial("bessel"), "products": false, "max_l": 2},
            {"function": common::radial("gaussian"), "cutoff": 3.7},
            {"function": common::radial("sto"), "orders": [2]},
        ],
        "pair": {"degree": 3, "cross_degree": 2},
        "angular": {"max_l": 5, "radial": "free", "degree": 2, "cross_degree": 2, "product_max_l": 1},
        "mixed_degree": 2,
    });
    let spec = BasisSpec::from_json(&document.to_string()).unwrap();
    let (_, mut coefficients) = random_potential(spec.clone(), 41);
    for keep in [1, 7, 50, 400] {
        coefficients
            .iter_mut()
            .enumerate()
            .for_each(|(k, w)| *w = if k % keep == 3 % keep { *w } else { 0.0 });
        let potential =
            Potential::from_coefficients(spec.clone(), &coefficients, &[-1.0, -2.0], json!({}))
                .unwrap();
        assert_equal(&potential, &alloy(2), &format!("one in {keep}"));
    }
    let nothing = vec![0.0; coefficients.len()];
    let potential = Potential::from_coefficients(spec, &nothing, &[-1.0, -2.0], json!({})).unwrap();
    assert_equal(&potential, &alloy(2), "nothing");
}

/// Angles up to `angular_cutoff` (Å), pairs up to 4.8 Å.
fn with_angular_cutoff(angular_cutoff: f64, dense: bool) -> BasisSpec {
    let mut document = json!({
        "elements": ["Al", "Ni"], "cutoff": 4.8, "cutoff_function": "cosine",
        "radial": [
            {"function": common::radial("gaussian"), "orders": [1]},
            {"function": common::radial("bessel"), "orders": [2, 3], "cutoff": angular_cutoff},
        ],
        "invariants": [
            {"order": 1, "degree": 2, "cross_degree": 2},
            {"order": 2, "max_l": 3, "mixed_degree": 2},
            {"order": 3, "max_l": 2, "radial": "diagonal"},
        ],
    });
    if dense {
        document["repulsion"] = json!({
            "inner": [[1.5, 1.5], [1.5, 1.5]], "outer": [[2.1, 2.1], [2.1, 2.1]],
            "density": {"onset": [3.0, 3.0], "end": [9.0, 9.0]},
        });
    }
    BasisSpec::from_json(&document.to_string()).unwrap()
}

#[test]
fn evaluators_agree_with_an_angular_cutoff() {
    // Nearly all neighbours are near, some, and none but by chance.
    for near in [4.7, 3.6, 2.6, 1.2] {
        for dense in [false, true] {
            let spec = with_angular_cutoff(near, dense);
            let (potential, coefficients) = random_potential(spec.clone(), 17);
            let what = format!("{near} Å, dense {dense}");
            assert_equal(&potential, &alloy(2), &what);
            assert_equal(&potential, &disordered(5, 2), &what);
            let size = potential.plans()[0].size();
            let told_apart = size.inner_cutoffs.iter().all(|r| *r < 4.8);
            assert_eq!(told_apart, near < 4.7, "{what}: {size:?}");
            assert!(
                size.outer_columns.iter().all(|n| *n > 0),
                "{what}: {size:?}"
            );
            // Harmonics without anything that goes beyond, and with a single function that does.
            let labels = potential.basis().labels();
            for kept in [None, Some("d[Al,1]")] {
                let without_pairs: Vec<f64> = coefficients
                    .iter()
                    .zip(labels.iter().cycle())
                    .map(|(w, label)| {
                        let stays = !label.contains("d[") || kept == Some(label.as_str());
                        if stays { *w } else { 0.0 }
                    })
                    .collect();
                let reference = [-1.0, -2.0];
                let sparse = Potential::from_coefficients(
                    spec.clone(),
                    &without_pairs,
                    &reference,
                    json!({}),
                );
                assert_equal(
                    &sparse.unwrap(),
                    &disordered(5, 2),
                    &format!("{what}, {kept:?}"),
                );
            }
        }
    }
}

#[test]
fn evaluators_agree_with_a_thousand_neighbours() {
    let (potential, _) = random_potential(spec(&["Al"], "gaussian", "angular"), 3);
    let n = 12;
    let positions: Vec<[f64; 3]> = (0..n * n * n)
        .map(|k| [k / (n * n), k / n % n, k % n].map(|x| 0.62 * f64::from(x)))
        .collect();
    let numbers = vec![13; positions.len()];
    let dense = Structure::new(Cell::open(), positions, numbers).unwrap();
    let list = NeighborList::new(&dense, 4.5).unwrap();
    assert!((0..dense.n_atoms()).any(|i| list.row(i).len() > 1000));
    let (energy, force, _) = differences(&potential, &dense);
    assert!(energy < 1e-4 && force < 1e-3, "{energy:e} {force:e}");
}

#[test]
fn evaluators_agree_for_a_single_radial_function_of_any_hierarchy() {
    for hierarchy in HIERARCHIES.into_iter().filter(|h| *h != "contracted") {
        let mut document =
            serde_json::to_value(spec(&["Al", "Ni"], "gaussian", hierarchy)).unwrap();
        document["radial"] =
            json!([{"function": {"family": "gaussian", "beta": [0.8], "mu": [2.0]}}]);
        let spec = BasisSpec::from_json(&document.to_string()).unwrap();
        let (potential, _) = random_potential(spec, 5);
        assert_equal(&potential, &alloy(2), hierarchy);
    }
}
