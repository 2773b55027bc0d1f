//! What a basis refuses, and the options of radial sets crossed with gradients.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Random, alloy, best_difference, evaluate, random_potential, with_geometry};
use mlip_rs::basis::Basis;
use mlip_rs::basis::spec::BasisSpec;
use mlip_rs::fit::normal::unweighted_rows;
use mlip_rs::{Error, Structure};
use serde_json::{Value, json};

const DERIVATIVE_TOLERANCE: f64 = 1e-7;
const EQUALITY_TOLERANCE: f64 = 1e-12;

fn refusal(document: &Value) -> String {
    let basis = BasisSpec::from_json(&document.to_string()).and_then(Basis::new);
    basis.map(|b| b.n_features()).unwrap_err().to_string()
}

/// Every option of a radial set, for every coupling: subsets of orders, of l, of the range, of the products.
fn with_options(coupling: &str) -> BasisSpec {
    let document = json!({
        "elements": ["Al", "Ni"], "cutoff": 4.5, "cutoff_function": "polynomial",
        "radial": [
            {"function": {"family": "gaussian", "beta": [0.8], "mu": [1.5, 3.0]}, "cutoff": 3.7},
            {"function": common::radial("bessel"), "cutoff": 4.1, "products": false, "max_l": 1},
            {"function": {"family": "chebyshev", "n": [1], "r_min": 1.0}, "orders": [2]},
            {"function": {"family": "sto", "p": [1], "q": [0.7]}, "orders": [1], "cutoff": 3.9},
        ],
        "pair": {"degree": 3, "cross_degree": 2},
        "angular": {"max_l": 3, "radial": coupling, "degree": 2, "cross_degree": 2, "product_max_l": 2},
        "mixed_degree": 3,
    });
    BasisSpec::from_json(&document.to_string()).unwrap()
}

#[test]
fn options_of_radial_sets_keep_forces_and_stress_the_derivatives_of_the_energy() {
    for coupling in ["free", "diagonal"] {
        let structure = alloy(2);
        let (potential, coefficients) = random_potential(with_options(coupling), 11);
        let evaluation = evaluate(&potential, &structure);
        let mut random = Random::new(5);
        // A displacement of every atom on top of a strain.
        let strain: [[f64; 3]; 3] = std::array::from_fn(|_| [0; 3].map(|_| 0.2 * random.next()));
        let strain: [[f64; 3]; 3] =
            std::array::from_fn(|a| std::array::from_fn(|b| strain[a][b] + strain[b][a]));
        let moves: Vec<[f64; 3]> = structure
            .positions()
            .iter()
            .map(|_| [0; 3].map(|_| random.next()))
            .collect();
        let deformed = |h: f64, r: [f64; 3]| -> [f64; 3] {
            std::array::from_fn(|b| r[b] + h * (0..3).map(|a| r[a] * strain[a][b]).sum::<f64>())
        };
        let energy = |h: f64| {
            let moved = structure.positions().iter().zip(&moves).map(|(&r, d)| {
                let r = deformed(h, r);
                std::array::from_fn(|k| r[k] + h * d[k])
            });
            let vectors = structure.cell().vectors().map(|v| deformed(h, v));
            evaluate(
                &potential,
                &with_geometry(&structure, vectors, moved.collect()),
            )
            .energy()
        };
        let work: f64 = evaluation
            .forces
            .iter()
            .flatten()
            .zip(moves.iter().flatten())
            .map(|(f, d)| f * d)
            .sum();
        let w = evaluation.virial();
        let virial: f64 = (0..3).map(|a| w[a] * strain[a][a]).sum::<f64>()
            + 2.0 * (w[3] * strain[1][2] + w[4] * strain[0][2] + w[5] * strain[0][1]);
        let error = best_difference(energy, -work - virial, 1.0);
        assert!(error < DERIVATIVE_TOLERANCE, "{coupling}: {error:e}");

        let n = coefficients.len();
        let rows = unweighted_rows(potential.basis(), &structure).unwrap();
        let predicted = |row: usize| -> f64 {
            let row = &rows[row * n..(row + 1) * n];
            row.iter().zip(&coefficients).map(|(x, w)| x * w).sum()
        };
        let scale = evaluation.energy().abs().max(1.0);
        for (k, force) in evaluation.forces.iter().flatten().enumerate() {
            assert!((predicted(1 + k) - force).abs() < EQUALITY_TOLERANCE * scale);
        }
        for (k, virial) in w.iter().enumerate() {
            let stress = predicted(rows.len() / n - 6 + k);
            assert!(
                (stress * structure.cell().volume() + virial).abs() < EQUALITY_TOLERANCE * scale
            );
        }
    }
}

#[test]
fn grids_too_large_to_enumerate_are_refused_by_their_count() {
    let long: Vec<f64> = (1..=100_000).map(|k| 0.01 * f64::from(k)).collect();
    let text = refusal(&json!({
        "elements": ["Al"], "cutoff": 5.0, "cutoff_function": "cosine",
        "radial": [{"function": {"family": "gaussian", "beta": long, "mu": long}}],
        "pair": {"degree": 1, "cross_degree": 1},
    }));
    assert!(text.contains("more than 1000 radial functions"), "{text}");
}

#[test]
fn angular_invariants_too_many_to_enumerate_are_refused_by_their_count() {
    let elements: Vec<&str> = (1..=118).filter_map(mlip_rs::elements::symbol).collect();
    let p: Vec<f64> = (1..=900).map(|k| 0.01 * f64::from(k)).collect();
    for coupling in ["free", "diagonal"] {
        let mut document = json!({
            "elements": elements, "cutoff": 5.0, "cutoff_function": "cosine",
            "radial": [{"function": {"family": "cosine", "p": p}}],
            "pair": {"degree": 1, "cross_degree": 1},
            "angular": {"max_l": 12, "radial": coupling, "degree": 1, "cross_degree": 1},
        });
        let text = refusal(&document);
        assert!(
            text.contains("features") && text.contains("limit"),
            "{text}"
        );
        // Hardly an invariant, but all order parameters up to the largest l.
        document["elements"] = json!(elements[..20]);
        document["radial"] = json!([
            {"function": {"family": "cosine", "p": p}, "max_l": 0},
            {"function": {"family": "cosine", "p": [1.0]}},
        ]);
        let text = refusal(&document);
        assert!(text.contains("limit"), "{text}");
    }
}

#[test]
fn features_that_overflow_are_an_error_and_no_rows() {
    let document = json!({
        "elements": ["Al"], "cutoff": 5.0, "cutoff_function": "cosine",
        "radial": [{"function": {"family": "polynomial", "p": [-30]}}],
        "pair": {"degree": 3, "cross_degree": 3},
    });
    let spec = BasisSpec::from_json(&document.to_string()).unwrap();
    let basis = Basis::new(spec).unwrap();
    let dimer = |distance: f64| {
        let positions = vec![[0.0; 3], [distance, 0.0, 0.0]];
        let structure = Structure::new(mlip_rs::Cell::open(), positions, vec![13, 13]).unwrap();
        unweighted_rows(&basis, &structure)
    };
    assert!(dimer(1.0).is_ok());
    assert!(matches!(dimer(1e-2), Err(Error::Overflow { .. })));
}

#[test]
fn limits_of_n_are_refused_for_the_pairwise_invariants() {
    for limit in ["max_n", "max_total"] {
        let document = json!({
            "elements": ["Al"], "cutoff": 4.0, "cutoff_function": "cosine",
            "radial": [{"function": {"family": "gaussian", "beta": [1.0], "mu": [1.0, 2.0]}}],
            "invariants": [{"order": 1, limit: 1}],
        });
        let refused = BasisSpec::from_json(&document.to_string()).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("max_n and max_total belong to order 2")
        );
    }
}
