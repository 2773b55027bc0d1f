//! Forces, stress and invariances of potentials with random coefficients; design rows against the evaluator.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{
    FAMILIES, HIERARCHIES, Random, alloy, best_difference, evaluate, evaluate_reference,
    random_potential, spec, with_geometry,
};
use mlip_rs::basis::Basis;
use mlip_rs::basis::center_sums::STRAIN;
use mlip_rs::basis::environment_features::LocalInvariants;
use mlip_rs::basis::harmonics::legendre;
use mlip_rs::basis::invariants::Invariant;
use mlip_rs::environment::Environment;
use mlip_rs::fit::normal::unweighted_rows;
use mlip_rs::{Cell, Structure, parallel};

const DERIVATIVE_TOLERANCE: f64 = 1e-7;
const EQUALITY_TOLERANCE: f64 = 1e-12;
const SYMMETRY_TOLERANCE: f64 = 1e-10;

fn every_case() -> impl Iterator<Item = (&'static str, &'static str, usize)> {
    FAMILIES.into_iter().flat_map(|f| {
        HIERARCHIES
            .into_iter()
            .flat_map(move |h| [1, 2].map(|n| (f, h, n)))
    })
}

fn elements(n: usize) -> &'static [&'static str] {
    &["Al", "Ni"][..n]
}

#[test]
fn forces_equal_finite_differences_for_every_family_hierarchy_and_number_of_elements() {
    for (family, hierarchy, n) in every_case() {
        let structure = alloy(n);
        let (potential, _) = random_potential(spec(elements(n), family, hierarchy), 7);
        let evaluation = evaluate(&potential, &structure);
        let scale = evaluation
            .forces
            .iter()
            .flatten()
            .fold(0.0_f64, |a, f| a.max(f.abs()));
        let mut random = Random::new(3);
        let direction: Vec<[f64; 3]> = structure
            .positions()
            .iter()
            .map(|_| [0; 3].map(|_| random.next()))
            .collect();
        let energy = |h: f64| {
            let moved = structure.positions().iter().zip(&direction);
            let positions = moved
                .map(|(r, d)| std::array::from_fn(|k| r[k] + h * d[k]))
                .collect();
            evaluate(
                &potential,
                &with_geometry(&structure, *structure.cell().vectors(), positions),
            )
            .energy()
        };
        let derivative: f64 = -evaluation
            .forces
            .iter()
            .zip(&direction)
            .map(|(f, d)| f[0] * d[0] + f[1] * d[1] + f[2] * d[2])
            .sum::<f64>();
        let error = best_difference(energy, derivative, scale);
        assert!(
            error < DERIVATIVE_TOLERANCE,
            "{family} {hierarchy} {n}: {error:e}"
        );
    }
}

#[test]
fn virials_equal_finite_differences_for_every_family_hierarchy_and_number_of_elements() {
    for (family, hierarchy, n) in every_case() {
        let structure = alloy(n);
        let (potential, _) = random_potential(spec(elements(n), family, hierarchy), 11);
        let virial = evaluate(&potential, &structure).virial();
        let scale = virial.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
        for (k, (a, b)) in STRAIN.into_iter().enumerate() {
            let energy = |h: f64| {
                // Rows times (1 + ε): x'_b = x_b + h x_a.
                let strain = |mut r: [f64; 3]| {
                    r[b] += h * r[a];
                    r
                };
                let positions = structure.positions().iter().map(|r| strain(*r)).collect();
                evaluate(
                    &potential,
                    &with_geometry(
                        &structure,
                        structure.cell().vectors().map(strain),
                        positions,
                    ),
                )
                .energy()
            };
            let error = best_difference(energy, -virial[k], scale);
            assert!(
                error < DERIVATIVE_TOLERANCE,
                "{family} {hierarchy} {n} component {k}: {error:e}"
            );
        }
    }
}

#[test]
fn design_rows_times_coefficients_equal_the_reference_evaluator() {
    for (family, hierarchy, n) in every_case() {
        let structure = alloy(n);
        let (potential, coefficients) = random_potential(spec(elements(n), family, hierarchy), 5);
        let evaluation = evaluate_reference(&potential, &structure);
        let rows = unweighted_rows(potential.basis(), &structure).unwrap();
        let predicted: Vec<f64> = rows
            .chunks(coefficients.len())
            .map(|row| row.iter().zip(&coefficients).map(|(x, w)| x * w).sum())
            .collect();
        let species = potential.basis().species(structure.numbers()).unwrap();
        let reference: f64 = species.iter().map(|s| -1.5 - f64::from(*s)).sum();
        let mut expected = vec![evaluation.energy() - reference];
        expected.extend(evaluation.forces.iter().flatten());
        expected.extend(evaluation.virial().map(|w| -w / structure.cell().volume()));
        // Sums of many terms: compare on the scale of their parts.
        for (k, (p, e)) in predicted.iter().zip(&expected).enumerate() {
            let parts: f64 = rows
                .chunks(coefficients.len())
                .nth(k)
                .unwrap()
                .iter()
                .zip(&coefficients)
                .map(|(x, w)| (x * w).abs())
                .sum();
            assert!(
                (p - e).abs() < EQUALITY_TOLERANCE * parts.max(e.abs()).max(1.0),
                "{family} {hierarchy} {n} row {k}"
            );
        }
    }
}

#[test]
fn angular_invariants_equal_the_double_sum_over_legendre_polynomials() {
    let basis = Basis::new(spec(&["Al", "Ni"], "gaussian", "angular")).unwrap();
    let displacements = [
        [1.9, 0.3, -0.2],
        [-0.4, 2.2, 1.0],
        [0.1, -1.0, 2.0],
        [-2.0, -1.5, -1.2],
    ];
    let neighbors = [0, 1, 1, 0];
    let environment = Environment {
        center: 0,
        neighbors: &neighbors,
        displacements: &displacements,
    };
    let mut local = LocalInvariants::default();
    local.evaluate(&basis, &environment);
    let norm = |r: &[f64; 3]| (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]).sqrt();
    for (k, invariant) in basis.invariants().iter().enumerate() {
        let f = |n: usize, j: usize| basis.primitives()[n].value(norm(&displacements[j]));
        let expected: f64 = match invariant {
            Invariant::Pair(c) => (0..4)
                .filter(|j| usize::from(neighbors[*j]) == c.species)
                .map(|j| f(c.radial, j))
                .sum(),
            Invariant::Coupled { .. } => unreachable!("the basis has orders 1 and 2"),
            Invariant::Angular { first, second, l } => (0..16)
                .map(|jk| (jk / 4, jk % 4))
                .filter(|(j, k)| {
                    usize::from(neighbors[*j]) == first.species
                        && usize::from(neighbors[*k]) == second.species
                })
                .map(|(j, k)| {
                    let (a, b) = (&displacements[j], &displacements[k]);
                    let cos = (a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) / (norm(a) * norm(b));
                    f(first.radial, j) * f(second.radial, k) * legendre(*l, cos)
                })
                .sum(),
        };
        assert!(
            (local.values[k] - expected).abs() < EQUALITY_TOLERANCE * expected.abs().max(1.0),
            "{invariant:?}"
        );
    }
}

#[test]
fn energy_is_invariant_under_rotation_inversion_translation_and_permutation() {
    let structure = alloy(2);
    let (potential, _) = random_potential(spec(&["Al", "Ni"], "gaussian", "angular-poly"), 13);
    let before = evaluate(&potential, &structure);
    let (sin, cos) = 0.7_f64.sin_cos();
    // A rotation about z, then an inversion.
    let rotate = |r: [f64; 3]| {
        [
            -(cos * r[0] - sin * r[1]),
            -(sin * r[0] + cos * r[1]),
            -r[2],
        ]
    };
    let shift = |r: [f64; 3]| [r[0] + 1.3, r[1] - 7.7, r[2] + 0.4];
    let positions: Vec<[f64; 3]> = structure
        .positions()
        .iter()
        .map(|r| rotate(shift(*r)))
        .collect();
    let mut order: Vec<usize> = (0..positions.len()).collect();
    order.reverse();
    let moved = Structure::new(
        Cell::new(structure.cell().vectors().map(rotate), [true; 3]).unwrap(),
        order.iter().map(|i| positions[*i]).collect(),
        order.iter().map(|i| structure.numbers()[*i]).collect(),
    )
    .unwrap();
    let after = evaluate(&potential, &moved);
    assert!((before.energy() - after.energy()).abs() < SYMMETRY_TOLERANCE * before.energy().abs());
    for (k, i) in order.iter().enumerate() {
        let expected = rotate(before.forces[*i]);
        assert!((0..3).all(|a| (after.forces[k][a] - expected[a]).abs() < SYMMETRY_TOLERANCE));
    }
}

#[test]
fn a_supercell_has_k_times_the_energy_and_the_same_forces() {
    let structure = alloy(2);
    let (potential, _) = random_potential(spec(&["Al", "Ni"], "chebyshev", "angular-poly"), 17);
    let [a, b, c] = *structure.cell().vectors();
    let mut positions = structure.positions().to_vec();
    positions.extend(
        structure
            .positions()
            .iter()
            .map(|r| [r[0] + a[0], r[1] + a[1], r[2] + a[2]]),
    );
    let numbers = [structure.numbers(), structure.numbers()].concat();
    let cell = Cell::new([a.map(|x| 2.0 * x), b, c], [true; 3]).unwrap();
    let (one, two) = (
        evaluate(&potential, &structure),
        evaluate(
            &potential,
            &Structure::new(cell, positions, numbers).unwrap(),
        ),
    );
    assert!((2.0 * one.energy() - two.energy()).abs() < SYMMETRY_TOLERANCE * two.energy().abs());
    let twice = one.forces.iter().chain(&one.forces);
    assert!(
        twice
            .zip(&two.forces)
            .all(|(f, g)| (0..3).all(|k| (f[k] - g[k]).abs() < SYMMETRY_TOLERANCE))
    );
}

#[test]
fn an_isolated_atom_has_its_reference_energy_and_an_empty_structure_none() {
    let spec = spec(&["Al", "Ni"], "gaussian", "angular-poly");
    let coefficients = vec![0.1; Basis::new(spec.clone()).unwrap().n_features()];
    let mut without_constant = spec.clone();
    without_constant.constant = false;
    let coefficients = &coefficients[..coefficients.len() - 2];
    let potential = mlip_rs::potential::Potential::from_coefficients(
        without_constant,
        coefficients,
        &[-1.5, -2.5],
        serde_json::json!({}),
    )
    .unwrap();
    let atom = Structure::new(
        Cell::new([[0.0; 3]; 3], [false; 3]).unwrap(),
        vec![[1e3, -5.0, 0.0]],
        vec![28],
    )
    .unwrap();
    let evaluation = evaluate(&potential, &atom);
    assert_eq!(
        (
            evaluation.energy(),
            evaluation.forces[0],
            evaluation.virial()
        ),
        (-2.5, [0.0; 3], [0.0; 6])
    );
    let empty = Structure::new(
        Cell::new([[0.0; 3]; 3], [false; 3]).unwrap(),
        vec![],
        vec![],
    )
    .unwrap();
    assert!(evaluate(&potential, &empty).energies.is_empty());
}

#[test]
fn an_atom_crossing_the_cutoff_changes_energy_and_forces_smoothly() {
    let (potential, _) = random_potential(spec(&["Al"], "cosine", "angular-poly"), 19);
    let at = |z: f64| {
        let positions = vec![[0.0; 3], [2.0, 0.5, 0.0], [0.0, 0.0, z]];
        let cell = Cell::new([[0.0; 3]; 3], [false; 3]).unwrap();
        evaluate(
            &potential,
            &Structure::new(cell, positions, vec![13; 3]).unwrap(),
        )
    };
    let (inside, outside) = (at(4.5 - 1e-5), at(4.5 + 1e-5));
    assert!((inside.energy() - outside.energy()).abs() < 1e-12);
    assert!((inside.forces[2][2] - outside.forces[2][2]).abs() < 1e-8);
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let (potential, _) = random_potential(spec(&["Al", "Ni"], "gaussian", "angular"), 23);
    let mut random = Random::new(29);
    let positions: Vec<[f64; 3]> = (0..125)
        .map(|k| [k / 25, k / 5 % 5, k % 5].map(|x| 2.5 * f64::from(x) + 0.2 * random.next()))
        .collect();
    let numbers = (0..125).map(|k| if k % 3 == 0 { 28 } else { 13 }).collect();
    let cell = Cell::new(
        [[12.5, 0.0, 0.0], [0.0, 12.5, 0.0], [0.0, 0.0, 12.5]],
        [true, false, true],
    )
    .unwrap();
    let structure = Structure::new(cell, positions, numbers).unwrap();
    let run = |threads| {
        parallel::pool(threads)
            .unwrap()
            .install(|| evaluate(&potential, &structure))
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn overlapping_atoms_are_refused_by_name() {
    let (potential, _) = random_potential(spec(&["Al"], "gaussian", "pair"), 1);
    let cell = Cell::new([[0.0; 3]; 3], [false; 3]).unwrap();
    let structure = Structure::new(
        cell,
        vec![[0.0; 3], [3.0, 0.0, 0.0], [3.0, 0.001, 0.0]],
        vec![13; 3],
    )
    .unwrap();
    let list = mlip_rs::NeighborList::new(&structure, 4.5).unwrap();
    let error = potential.evaluate(&structure, &list).unwrap_err();
    assert_eq!(
        error,
        mlip_rs::Error::Overlap {
            atom: 1,
            other: 2,
            distance: 0.001
        }
    );
}

#[test]
fn sets_left_out_of_products_give_the_same_design_as_the_evaluator() {
    let document = serde_json::json!({
        "elements": ["Al", "Ni"], "cutoff": 4.5, "cutoff_function": "cosine",
        "radial": [
            {"function": common::radial("bessel"), "products": false, "max_l": 2},
            {"function": common::radial("gaussian"), "cutoff": 4.0},
            {"function": common::radial("sto"), "orders": [2]},
        ],
        "pair": {"degree": 3, "cross_degree": 2},
        "angular": {
            "max_l": 3, "radial": "free", "degree": 2, "cross_degree": 2, "product_max_l": 1,
            "product_radial": "diagonal",
        },
        "mixed_degree": 2,
    });
    let spec = mlip_rs::basis::spec::BasisSpec::from_json(&document.to_string()).unwrap();
    let (potential, coefficients) = random_potential(spec, 41);
    let labels = potential.basis().labels();
    assert!(
        labels
            .iter()
            .all(|label| !label.contains('*') || !label.contains("[Al,0]"))
    );
    let structure = alloy(2);
    let evaluation = evaluate_reference(&potential, &structure);
    let rows = unweighted_rows(potential.basis(), &structure).unwrap();
    for (row, force) in rows
        .chunks(coefficients.len())
        .skip(1)
        .zip(evaluation.forces.iter().flatten())
    {
        let predicted: f64 = row.iter().zip(&coefficients).map(|(x, w)| x * w).sum();
        assert!((predicted - force).abs() < 1e-10);
    }
}
