//! The repulsion that takes over beyond the data: forces, virials, smoothness, and that nothing changes inside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{
    HIERARCHIES, Random, alloy, best_difference, evaluate, evaluate_reference, random_potential,
    spec, with_geometry,
};
use mlip_rs::basis::center_sums::STRAIN;
use mlip_rs::basis::spec::BasisSpec;
use mlip_rs::fit::normal;
use mlip_rs::potential::Potential;
use mlip_rs::repulsion::{DensitySwitch, Repulsion};
use mlip_rs::{Cell, Structure};

const DERIVATIVE_TOLERANCE: f64 = 1e-6;
const EQUALITY_TOLERANCE: f64 = 1e-11;
const INNER: f64 = 1.5;
const OUTER: f64 = 1.9;

/// Hands over pairs between 1.5 and 1.9 Å, and atoms as crowded as in `alloy` compressed by 10 to 25 %; two elements
/// count near neighbours only and keep an energy.
fn guarded(elements: &[&str], hierarchy: &str) -> BasisSpec {
    let n = elements.len();
    let mut spec = spec(elements, "gaussian", hierarchy);
    let mut matrices = [vec![vec![INNER; n]; n], vec![vec![OUTER; n]; n]];
    if n == 2 {
        (matrices[0][0][1], matrices[0][1][0]) = (1.4, 1.4);
        (matrices[1][0][1], matrices[1][1][0]) = (2.0, 2.0);
    }
    let [inner, outer] = matrices;
    spec.repulsion = Some(Repulsion {
        inner,
        outer,
        density: Some(DensitySwitch {
            onset: vec![if n == 2 { 3.5 } else { 5.0 }; n],
            end: (0..n)
                .map(|k| if n == 2 { 9.0 } else { 14.0 } + k as f64)
                .collect(),
            level: if n == 2 { 3.0 } else { 0.0 },
            range: (n == 2).then_some(2.1),
        }),
    });
    spec
}

fn elements(n: usize) -> &'static [&'static str] {
    &["Al", "Ni"][..n]
}

fn scaled(structure: &Structure, factor: f64) -> Structure {
    let positions = structure.positions().iter().map(|r| r.map(|x| factor * x));
    with_geometry(
        structure,
        structure.cell().vectors().map(|a| a.map(|x| factor * x)),
        positions.collect(),
    )
}

/// From untouched over partly to wholly handed over.
const COMPRESSIONS: [f64; 5] = [1.5, 1.05, 0.85, 0.75, 0.62];

fn cases() -> impl Iterator<Item = (&'static str, usize, f64)> {
    HIERARCHIES.into_iter().flat_map(|h| {
        [1, 2]
            .into_iter()
            .flat_map(move |n| COMPRESSIONS.map(|c| (h, n, c)))
    })
}

#[test]
fn the_cases_reach_from_untouched_to_wholly_handed_over() {
    for n in [1, 2] {
        let spec = guarded(elements(n), "angular-poly");
        let density = spec.repulsion.as_ref().unwrap().density.clone().unwrap();
        let (potential, _) = random_potential(spec, 3);
        let center = potential.basis().repulsion(0).unwrap();
        let rho = COMPRESSIONS.map(|c| {
            let structure = scaled(&alloy(n), c);
            let list = mlip_rs::NeighborList::new(&structure, 4.5).unwrap();
            let mut buffer = mlip_rs::environment::EnvironmentBuffer::default();
            let frame = list.frame(&structure);
            let species = potential.basis().species(structure.numbers()).unwrap();
            buffer.gather(&list, &frame, &species, 0, 4.5).unwrap();
            center.density(&buffer.environment()).0
        });
        let (onset, end) = (density.onset[0], density.end[0]);
        assert!(rho[1] < onset && rho[4] > end, "{n}: {rho:?}");
        assert!(
            rho[2..4].iter().all(|x| (onset..end).contains(x)),
            "{n}: {rho:?}"
        );
    }
}

#[test]
fn a_crowded_atom_keeps_its_level_besides_zbl() {
    let structure = scaled(&alloy(1), 0.5);
    let energy = |level: f64| {
        let mut spec = guarded(&["Al"], "pair");
        spec.repulsion
            .as_mut()
            .unwrap()
            .density
            .as_mut()
            .unwrap()
            .level = level;
        evaluate(&random_potential(spec, 5).0, &structure).energy()
    };
    let pair = mlip_rs::repulsion::Zbl::new(13.0, 13.0)
        .value_and_derivative(OUTER)
        .0;
    let expected = energy(0.0) + 2.0 * pair * structure.n_atoms() as f64;
    assert!((energy(2.0) - expected).abs() < 1e-12 * expected);
}

#[test]
fn forces_and_virials_equal_finite_differences_at_every_compression() {
    for (hierarchy, n, compression) in cases() {
        let structure = scaled(&alloy(n), compression);
        let (potential, _) = random_potential(guarded(elements(n), hierarchy), 7);
        let evaluation = evaluate(&potential, &structure);
        let mut random = Random::new(3);
        let direction: Vec<[f64; 3]> = structure
            .positions()
            .iter()
            .map(|_| [0; 3].map(|_| random.next()))
            .collect();
        let moved = |h: f64| {
            let moved = structure.positions().iter().zip(&direction);
            let positions = moved
                .map(|(r, d)| std::array::from_fn(|k| r[k] + h * d[k]))
                .collect();
            let moved = with_geometry(&structure, *structure.cell().vectors(), positions);
            evaluate(&potential, &moved).energy()
        };
        let forces = evaluation.forces.iter();
        let scale = forces
            .clone()
            .flatten()
            .fold(0.0_f64, |a, f| a.max(f.abs()));
        let derivative: f64 = -forces
            .zip(&direction)
            .map(|(f, d)| f[0] * d[0] + f[1] * d[1] + f[2] * d[2])
            .sum::<f64>();
        let error = best_difference(moved, derivative, scale);
        assert!(
            error < DERIVATIVE_TOLERANCE,
            "{hierarchy} {n} {compression}: {error:e}"
        );
        let virial = evaluation.virial();
        let scale = virial.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
        for (k, (a, b)) in STRAIN.into_iter().enumerate() {
            let strained = |h: f64| {
                let strain = |mut r: [f64; 3]| {
                    r[b] += h * r[a];
                    r
                };
                let positions = structure.positions().iter().map(|r| strain(*r)).collect();
                let vectors = structure.cell().vectors().map(strain);
                evaluate(&potential, &with_geometry(&structure, vectors, positions)).energy()
            };
            let error = best_difference(strained, -virial[k], scale);
            assert!(
                error < DERIVATIVE_TOLERANCE,
                "{hierarchy} {n} {compression} strain {k}: {error:e}"
            );
        }
    }
}

#[test]
fn design_rows_times_coefficients_and_repulsion_equal_evaluator_at_every_compression() {
    for (hierarchy, n, compression) in cases() {
        let structure = scaled(&alloy(n), compression);
        let (potential, coefficients) = random_potential(guarded(elements(n), hierarchy), 5);
        let evaluation = evaluate(&potential, &structure);
        let predicted =
            normal::predict(potential.basis(), &[&structure], &coefficients, None).unwrap();
        let species = potential.basis().species(structure.numbers()).unwrap();
        let reference: f64 = species.iter().map(|s| -1.5 - f64::from(*s)).sum();
        let mut expected = vec![evaluation.energy() - reference];
        expected.extend(evaluation.forces.iter().flatten());
        expected.extend(evaluation.virial().map(|w| -w / structure.cell().volume()));
        let scale = expected.iter().fold(1.0_f64, |a, e| a.max(e.abs()));
        for (k, (p, e)) in predicted[0].iter().zip(&expected).enumerate() {
            assert!(
                (p - e).abs() < EQUALITY_TOLERANCE * scale,
                "{hierarchy} {n} {compression} row {k}: {p} {e}"
            );
        }
    }
}

#[test]
fn nothing_changes_beyond_outer_and_below_the_onset_to_the_last_bit() {
    let mut random = Random::new(31);
    let positions = (0..8)
        .map(|k| [k / 4, k / 2 % 2, k % 2].map(|x| 2.5 * f64::from(x) + 0.1 * random.next()))
        .collect();
    let cell = Cell::new(
        [[5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 5.0]],
        [true; 3],
    )
    .unwrap();
    let numbers = (0..8).map(|k| if k % 3 == 0 { 28 } else { 13 }).collect();
    let structure = Structure::new(cell, positions, numbers).unwrap();
    for hierarchy in HIERARCHIES {
        let mut without = guarded(&["Al", "Ni"], hierarchy);
        let (with, _) = random_potential(without.clone(), 17);
        without.repulsion = None;
        let (without, _) = random_potential(without, 17);
        assert_eq!(
            evaluate_reference(&with, &structure),
            evaluate_reference(&without, &structure)
        );
    }
}

#[test]
fn fitted_targets_are_the_labels_less_the_repulsion() {
    let structure = scaled(&alloy(2), 0.75);
    let (potential, coefficients) = random_potential(guarded(&["Al", "Ni"], "pair"), 5);
    let columns = coefficients.len();
    let moment_of = |energy_per_atom: f64, forces: &[f64], stress: [f64; 6]| {
        let (mut grams, mut moments) = (vec![0.0; 3 * columns * columns], vec![0.0; 3 * columns]);
        let (mut g, mut m) = (
            grams.chunks_exact_mut(columns * columns),
            moments.chunks_exact_mut(columns),
        );
        let mut next = || normal::NormalEquations {
            gram: g.next().unwrap(),
            moment: m.next().unwrap(),
            yty: 0.0,
            n_rows: 0,
        };
        let mut equations = normal::Equations::ByProperty([next(), next(), next()]);
        let sample = normal::Sample {
            structure: &structure,
            targets: normal::Targets {
                energy_per_atom,
                forces,
                stress,
            },
            weights: normal::Weights {
                energy: 1.0,
                forces: 1.0,
                stress: 1.0,
            },
        };
        normal::accumulate(potential.basis(), &[sample], &mut equations, None, None).unwrap();
        equations
            .groups()
            .iter()
            .map(|e| e.yty)
            .collect::<Vec<f64>>()
    };
    // Labels that are the repulsion alone leave nothing to fit.
    let zero = vec![0.0; columns];
    let fixed = normal::predict(potential.basis(), &[&structure], &zero, None).unwrap();
    let n = structure.n_atoms();
    let stress = std::array::from_fn(|k| fixed[0][1 + 3 * n + k]);
    assert!(fixed[0][0] > 1.0);
    let yty = moment_of(fixed[0][0] / n as f64, &fixed[0][1..=3 * n], stress);
    assert!(yty.iter().all(|y| *y < 1e-20), "{yty:?}");
}

fn dimer(potential: &Potential, r: f64) -> (f64, f64) {
    let cell = Cell::new([[0.0; 3]; 3], [false; 3]).unwrap();
    let structure = Structure::new(cell, vec![[0.0; 3], [0.0, 0.0, r]], vec![13; 2]).unwrap();
    let evaluation = evaluate(potential, &structure);
    (evaluation.energy(), evaluation.forces[1][2])
}

#[test]
fn a_close_pair_repels_as_zbl_and_its_force_has_no_kinks() {
    let (potential, _) = random_potential(guarded(&["Al"], "angular-poly"), 19);
    let zbl = mlip_rs::repulsion::Zbl::new(13.0, 13.0);
    // Below `inner` only ZBL depends on the distance.
    let force = dimer(&potential, 1.0).1;
    assert!((force + zbl.value_and_derivative(1.0).1).abs() < 1e-9 * force);
    let h = 1e-6;
    let slope = |r: f64| (dimer(&potential, r + h).1 - dimer(&potential, r - h).1) / (2.0 * h);
    for r in [INNER, OUTER] {
        let (left, right) = (slope(r - 1e-5), slope(r + 1e-5));
        assert!(
            (left - right).abs() < 2e-3 * left.abs().max(50.0),
            "{r}: {left} {right}"
        );
    }
}

#[test]
fn permuted_atoms_have_permuted_forces_when_handed_over() {
    let structure = scaled(&alloy(2), 0.75);
    let (potential, _) = random_potential(guarded(&["Al", "Ni"], "angular-poly"), 13);
    let reversed = Structure::new(
        Cell::new(*structure.cell().vectors(), [true; 3]).unwrap(),
        structure.positions().iter().rev().copied().collect(),
        structure.numbers().iter().rev().copied().collect(),
    )
    .unwrap();
    let (one, other) = (
        evaluate(&potential, &structure),
        evaluate(&potential, &reversed),
    );
    assert!((one.energy() - other.energy()).abs() < 1e-10 * one.energy().abs());
    let scale = one
        .forces
        .iter()
        .flatten()
        .fold(0.0_f64, |a, f| a.max(f.abs()));
    for (f, g) in one.forces.iter().zip(other.forces.iter().rev()) {
        assert!((0..3).all(|k| (f[k] - g[k]).abs() < 1e-10 * scale));
    }
}

#[test]
fn a_potential_keeps_its_repulsion_in_its_file_and_old_files_have_none() {
    let (potential, _) = random_potential(guarded(&["Al", "Ni"], "angular"), 23);
    let text = potential.to_json().unwrap();
    let read = Potential::from_json(&text).unwrap();
    assert_eq!(
        read.basis().spec().repulsion,
        potential.basis().spec().repulsion
    );
    let structure = scaled(&alloy(2), 0.7);
    assert_eq!(
        evaluate(&read, &structure),
        evaluate(&potential, &structure)
    );
    let (plain, _) = random_potential(spec(&["Al"], "gaussian", "pair"), 23);
    assert!(!plain.to_json().unwrap().contains("repulsion"));
}

#[test]
fn distances_that_make_no_sense_are_refused_by_pair() {
    let with = |change: fn(&mut Repulsion)| {
        let mut spec = guarded(&["Al", "Ni"], "pair");
        change(spec.repulsion.as_mut().unwrap());
        spec.validate().unwrap_err().to_string()
    };
    for (change, culprit) in [
        ((|r| r.inner[0][1] = 3.0) as fn(&mut Repulsion), "Al–Ni"),
        (|r| r.inner[1][1] = f64::NAN, "Ni–Ni"),
        (|r| r.outer[0][0] = 9.0, "Al–Al"),
        (|r| r.outer[0][1] = 2.1, "symmetric"),
        (|r| drop(r.inner.pop()), "2 × 2"),
        (|r| r.density.as_mut().unwrap().end[1] = 1.0, "Ni: density"),
        (|r| r.density.as_mut().unwrap().level = -1.0, "level"),
        (|r| r.density.as_mut().unwrap().range = Some(0.9), "range"),
    ] {
        let message = with(change);
        assert!(message.contains(culprit), "{message}");
    }
}
