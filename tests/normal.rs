//! Normal equations against the explicit products of all rows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{alloy, random_potential, spec};
use mlip_rs::basis::Basis;
use mlip_rs::fit::held_rows::HeldRows;
use mlip_rs::fit::normal::{
    Equations, NormalEquations, Sample, Targets, Weights, accumulate, predict, unweighted_rows,
};
use mlip_rs::symmetric::mirror_lower;
use mlip_rs::{Structure, parallel};

const TOLERANCE: f64 = 1e-12;

/// Gram matrices, moments, yᵀWy and row counts: of energy, forces, stress, or of their sum.
#[derive(Debug, PartialEq)]
struct Sums {
    grams: Vec<Vec<f64>>,
    moments: Vec<Vec<f64>>,
    yty: Vec<f64>,
    n_rows: Vec<u64>,
}

/// `n_groups`: 3 for each property on its own, 1 for their sum.
fn sums_of(basis: &Basis, samples: &[Sample], n_groups: usize, threads: usize) -> Sums {
    sums_with(basis, samples, n_groups, threads, None)
}

fn sums_with(
    basis: &Basis,
    samples: &[Sample],
    n_groups: usize,
    threads: usize,
    held: Option<&HeldRows>,
) -> Sums {
    let n = basis.n_features();
    let mut grams = vec![vec![0.0; n * n]; n_groups];
    let mut moments = vec![vec![0.0; n]; n_groups];
    let mut parts = grams.iter_mut().zip(&mut moments);
    let mut next = || {
        let (gram, moment) = parts.next().unwrap();
        NormalEquations {
            gram,
            moment,
            yty: 0.0,
            n_rows: 0,
        }
    };
    let mut equations = if n_groups == 1 {
        Equations::Summed(next())
    } else {
        Equations::ByProperty([next(), next(), next()])
    };
    parallel::pool(threads)
        .unwrap()
        .install(|| accumulate(basis, samples, &mut equations, None, held))
        .unwrap();
    let groups = equations.groups();
    let yty = groups.iter().map(|e| e.yty).collect();
    let n_rows = groups.iter().map(|e| e.n_rows).collect();
    for gram in &mut grams {
        mirror_lower(gram, n);
    }
    Sums {
        grams,
        moments,
        yty,
        n_rows,
    }
}

fn sums(basis: &Basis, samples: &[Sample], threads: usize) -> Sums {
    sums_of(basis, samples, 3, threads)
}

fn labelled(structures: &[Structure]) -> (Vec<Vec<f64>>, Vec<f64>) {
    let forces = structures
        .iter()
        .map(|s| (0..3 * s.n_atoms()).map(|k| 0.1 * k as f64 - 0.3).collect())
        .collect();
    (
        forces,
        (0..structures.len()).map(|k| -3.0 - k as f64).collect(),
    )
}

/// Samples in which all labels have a weight of one.
fn samples_of<'a>(
    structures: &'a [Structure],
    forces: &'a [Vec<f64>],
    energies: &[f64],
) -> Vec<Sample<'a>> {
    let labels = structures.iter().zip(forces).zip(energies);
    labels
        .map(|((structure, forces), &energy_per_atom)| Sample {
            structure,
            targets: Targets {
                energy_per_atom,
                forces,
                stress: [0.01; 6],
            },
            weights: Weights {
                energy: 1.0,
                forces: 1.0,
                stress: 1.0,
            },
        })
        .collect()
}

/// `XᵀWX`, `XᵀWy` and `yᵀWy` from the design rows, term by term.
fn expected_sums(
    basis: &Basis,
    samples: &[Sample],
    energies: &[f64],
    forces: &[Vec<f64>],
) -> (Vec<f64>, Vec<f64>, f64) {
    let n = basis.n_features();
    let (mut gram, mut moment, mut yty) = (vec![0.0; n * n], vec![0.0; n], 0.0);
    for (k, sample) in samples.iter().enumerate() {
        let rows = unweighted_rows(basis, sample.structure).unwrap();
        let (atoms, weights) = (sample.structure.n_atoms() as f64, sample.weights);
        for (r, row) in rows.chunks(n).enumerate() {
            let (weight, scale, target) = match r {
                0 => (weights.energy, 1.0 / atoms, energies[k]),
                r if r <= 15 => (weights.forces, 1.0, forces[k][r - 1]),
                r => (weights.stress, 1.0, sample.targets.stress[r - 16]),
            };
            yty += weight * target * target;
            for i in 0..n {
                moment[i] += weight * scale * row[i] * target;
                for j in 0..n {
                    gram[i * n + j] += weight * scale * scale * row[i] * row[j];
                }
            }
        }
    }
    (gram, moment, yty)
}

#[test]
fn normal_equations_equal_the_products_of_weighted_rows_and_skip_missing_labels() {
    compare_with_products(&[alloy(2), alloy(2), alloy(2)]);
}

#[test]
fn normal_equations_of_one_metal_of_an_alloy_equal_the_products_of_its_rows() {
    compare_with_products(&[alloy(1), alloy(1), alloy(1)]);
}

fn compare_with_products(structures: &[Structure; 3]) {
    let basis = Basis::new(spec(&["Al", "Ni"], "gaussian", "angular")).unwrap();
    let (forces, energies) = labelled(structures);
    let weights =
        [(4.0, 0.25, 2.0), (0.0, 1.0, 0.0), (1.0, 0.0, 9.0)].map(|(energy, forces, stress)| {
            Weights {
                energy,
                forces,
                stress,
            }
        });
    let samples: Vec<Sample> = (0..3)
        .map(|k| Sample {
            structure: &structures[k],
            targets: Targets {
                // What has no weight may be anything.
                energy_per_atom: if weights[k].energy > 0.0 {
                    energies[k]
                } else {
                    f64::NAN
                },
                forces: if weights[k].forces > 0.0 {
                    &forces[k]
                } else {
                    &[]
                },
                stress: [0.01, -0.02, 0.03, 0.0, 0.004, -0.005],
            },
            weights: weights[k],
        })
        .collect();
    let by_property = sums(&basis, &samples, 1);
    let summed = sums_of(&basis, &samples, 1, 1);
    assert_eq!(by_property.n_rows, [2, 30, 12]);
    assert_eq!(summed.n_rows, [44]);
    let n = basis.n_features();
    let (expected_gram, expected_moment, expected_yty) =
        expected_sums(&basis, &samples, &energies, &forces);
    for sums in [by_property, summed] {
        for i in 0..n * n {
            let total: f64 = sums.grams.iter().map(|g| g[i]).sum();
            let scale = (expected_gram[i / n * (n + 1)] * expected_gram[i % n * (n + 1)]).sqrt();
            assert!((total - expected_gram[i]).abs() <= TOLERANCE * scale.max(1.0));
        }
        for i in 0..n {
            let total: f64 = sums.moments.iter().map(|m| m[i]).sum();
            assert!(
                (total - expected_moment[i]).abs()
                    <= TOLERANCE * expected_moment[i].abs().max(1.0) * 10.0
            );
        }
        assert!((sums.yty.iter().sum::<f64>() - expected_yty).abs() < TOLERANCE * expected_yty);
    }
}

#[test]
fn normal_equations_of_some_features_are_a_block_of_those_of_all() {
    let structures = [alloy(2), alloy(1)];
    let basis = Basis::new(spec(&["Al", "Ni"], "gaussian", "pair-poly")).unwrap();
    let (forces, energies) = labelled(&structures);
    let samples = samples_of(&structures, &forces, &energies);
    let all = sums_of(&basis, &samples, 1, 1);
    let n = basis.n_features();
    let chosen: Vec<usize> = (0..n).filter(|k| k % 3 != 1).collect();
    let own = chosen.len();
    let (mut gram, mut moment) = (vec![0.0; own * own], vec![0.0; own]);
    let mut equations = Equations::Summed(NormalEquations {
        gram: &mut gram,
        moment: &mut moment,
        yty: 0.0,
        n_rows: 0,
    });
    accumulate(&basis, &samples, &mut equations, Some(&chosen), None).unwrap();
    assert_eq!(equations.groups()[0].n_rows, all.n_rows[0]);
    for (i, &a) in chosen.iter().enumerate() {
        assert!(
            (moment[i] - all.moments[0][a]).abs() <= TOLERANCE * all.moments[0][a].abs().max(1.0)
        );
        for (j, &b) in chosen[..=i].iter().enumerate() {
            let expected = all.grams[0][a * n + b];
            let scale = (all.grams[0][a * (n + 1)] * all.grams[0][b * (n + 1)]).sqrt();
            assert!((gram[i * own + j] - expected).abs() <= TOLERANCE * scale.max(1.0));
        }
    }
}

#[test]
fn sums_and_predictions_are_the_same_bits_whichever_rows_are_held() {
    let structures = [alloy(2), alloy(1), alloy(2)];
    let basis = Basis::new(spec(&["Al", "Ni"], "gaussian", "pair-poly")).unwrap();
    let (forces, energies) = labelled(&structures);
    let samples = samples_of(&structures, &forces, &energies);
    let references: Vec<&Structure> = structures.iter().collect();
    let coefficients: Vec<f64> = (0..basis.n_features()).map(|k| 0.1 * k as f64).collect();
    let plain = sums(&basis, &samples, 2);
    let predictions = predict(&basis, &references, &coefficients, None).unwrap();
    let each = 8 * (7 + 3 * structures[0].n_atoms()) * (basis.n_features() + 1);
    for (room, n_held) in [(each - 1, 0), (2 * each - 1, 1), (3 * each, 2)] {
        let held = HeldRows::new(room);
        for _ in 0..2 {
            assert_eq!(plain, sums_with(&basis, &samples, 3, 1, Some(&held)));
            let found = predict(&basis, &references, &coefficients, Some(&held)).unwrap();
            assert_eq!(predictions, found);
            assert_eq!(held.bytes(), n_held * each); // the third structure is the first
        }
        assert_eq!(held.holds(&structures[0]), n_held > 0);
        assert_eq!(held.holds(&structures[1]), n_held > 1);
    }
}

#[test]
fn normal_equations_are_the_same_bits_for_one_and_two_threads_and_for_any_blocks() {
    let structures: Vec<Structure> = (0..7).map(|_| alloy(2)).collect();
    let basis = Basis::new(spec(&["Al", "Ni"], "gaussian", "pair-poly")).unwrap();
    let (forces, energies) = labelled(&structures);
    let samples = samples_of(&structures, &forces, &energies);
    for n_groups in [1, 3] {
        assert!(sums_of(&basis, &samples, n_groups, 1) == sums_of(&basis, &samples, n_groups, 2));
    }
}

#[test]
fn predictions_of_several_coefficient_vectors_equal_their_evaluators() {
    let structure = alloy(2);
    let specification = spec(&["Al", "Ni"], "gaussian", "angular");
    let (first, a) = random_potential(specification.clone(), 31);
    let (second, b) = random_potential(specification, 37);
    let together: Vec<f64> = a.iter().zip(&b).flat_map(|(a, b)| [*a, *b]).collect();
    let predicted = predict(first.basis(), &[&structure], &together, None).unwrap();
    for (k, potential) in [first, second].iter().enumerate() {
        let forces = common::evaluate_reference(potential, &structure).forces;
        for (row, f) in forces.iter().flatten().enumerate() {
            assert!((predicted[0][(1 + row) * 2 + k] - f).abs() < 1e-11);
        }
    }
}

#[test]
fn stress_without_weight_leaves_no_trace_even_in_an_almost_flat_open_cell() {
    let flat = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1e-310]];
    let positions = vec![[0.0; 3], [2.0, 0.0, 0.0]];
    let cell = mlip_rs::Cell::new(flat, [false; 3]).unwrap();
    let structure = Structure::new(cell, positions, vec![13, 13]).unwrap();
    let basis = Basis::new(spec(&["Al"], "gaussian", "pair")).unwrap();
    let sample = Sample {
        structure: &structure,
        targets: Targets {
            energy_per_atom: -1.0,
            forces: &[0.0; 6],
            stress: [0.0; 6],
        },
        weights: Weights {
            energy: 1.0,
            forces: 1.0,
            stress: 0.0,
        },
    };
    let sums = sums(&basis, &[sample], 1);
    assert!(
        sums.grams[2]
            .iter()
            .chain(&sums.moments[2])
            .all(|x| *x == 0.0)
    );
}
