//! Structures and specifications shared by the integration tests.
#![allow(dead_code)] // Every test crate uses its own part.

use mlip_rs::basis::Basis;
use mlip_rs::basis::spec::BasisSpec;
use mlip_rs::potential::anomaly::{AnomalyCenter, AnomalyIndex};
use mlip_rs::potential::{Center, Potential};
use mlip_rs::{Cell, NeighborList, Structure};
use serde_json::{Value, json};

pub const FAMILIES: [&str; 12] = [
    "gaussian",
    "cosine",
    "polynomial",
    "exponential",
    "yukawa",
    "mexican_hat",
    "morlet",
    "sto",
    "gto",
    "bessel",
    "chebyshev",
    "piecewise",
];
pub const HIERARCHIES: [&str; 6] = [
    "pair",
    "pair-poly",
    "angular",
    "angular-poly",
    "invariants",
    "contracted",
];

/// Three functions of a family.
pub fn radial(family: &str) -> Value {
    match family {
        "gaussian" => json!({"family": family, "beta": [0.8], "mu": [1.5, 2.5, 3.5]}),
        "cosine" => json!({"family": family, "p": [0.5, 1.2, 2.0]}),
        "polynomial" => json!({"family": family, "p": [-2, 0, 3]}),
        "exponential" | "yukawa" => json!({"family": family, "p": [0.5, 1.0, 2.0]}),
        "mexican_hat" => json!({"family": family, "p": [0.9], "mu": [0.0, 2.0, 3.0]}),
        "morlet" => json!({"family": family, "p": [1.0, 2.0, 3.0], "mu": [0.5]}),
        "sto" => json!({"family": family, "p": [0, 1, 2], "q": [0.7]}),
        "gto" => json!({"family": family, "p": [-1, 0, 2], "q": [0.2]}),
        "bessel" => json!({"family": family, "n": [1, 2, 3]}),
        "chebyshev" => json!({"family": family, "n": [0, 2, 5], "r_min": 1.0}),
        // (1 − x)³, (1 − x)³ x and (1 − x)⁴.
        "piecewise" => json!({"family": family, "knots": [0.9, 3.9], "coefficients": [
            [[2.5, -3.75, 1.5, -0.25]],
            [[-1.875, 3.25, -2.0, 0.75, -0.125]],
            [[4.375, -7.0, 3.5, -1.0, 0.125]],
        ]}),
        _ => panic!("no family {family}"),
    }
}

/// A specification; the cutoff exceeds the height of the test cells.
pub fn spec(elements: &[&str], family: &str, hierarchy: &str) -> BasisSpec {
    let mut document = json!({
        "elements": elements,
        "cutoff": 4.5,
        "cutoff_function": if family == "gaussian" { "cosine" } else { "polynomial" },
        "radial": [{"function": radial(family)}],
        "pair": {"degree": 1, "cross_degree": 1},
        "constant": true,
    });
    let poly = hierarchy.ends_with("poly");
    if poly {
        document["pair"] = json!({"degree": 3, "cross_degree": 3});
    }
    if hierarchy == "invariants" {
        document["angular"] =
            json!({"max_l": 3, "radial": "diagonal", "degree": 1, "cross_degree": 1});
        document["higher"] = json!([
            {"order": 3, "max_l": 2, "radial": "free", "max_total": 4, "degree": 2, "cross_degree": 1},
            {"order": 4, "max_l": 2, "min_l": 1, "radial": "diagonal", "max_n": 2},
            {"order": 5, "max_l": 1, "radial": "diagonal", "max_n": 1},
            {"order": 6, "max_l": 1, "radial": "diagonal", "max_n": 1},
        ]);
    }
    if hierarchy == "contracted" {
        document["pair"] = json!({"degree": 2, "cross_degree": 2});
        document["angular"] = json!({"max_l": 2, "radial": "free", "degree": 2, "cross_degree": 1});
        document["higher"] = json!([
            {"order": 3, "max_l": 2, "radial": "diagonal", "degree": 2, "cross_degree": 2, "mixed_degree": 3},
        ]);
        document["mixed_degree"] = json!(3);
        document["radial"] = json!([
            {"function": radial(family), "orders": [1]},
            {"function": radial(family), "cutoff": 3.9, "contraction": [
                [[0.6, 0.8, 0.1], [-0.5, 0.3, 0.7]],
                [[0.9, -0.2, 0.4], [0.1, 0.8, 0.3]],
                [[0.3, 0.3, -0.9], [0.8, 0.1, 0.6]],
            ]},
        ]);
    }
    if hierarchy.starts_with("angular") {
        document["angular"] = json!({
            "max_l": 3, "radial": "free",
            "degree": if poly { 2 } else { 1 }, "cross_degree": if poly { 2 } else { 1 },
        });
        document["mixed_degree"] = json!(if poly { 3 } else { 0 });
    }
    BasisSpec::from_json(&document.to_string()).expect("the specification is valid")
}

/// Deterministic numbers in [−1, 1).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// Five atoms in a skewed, left-handed, periodic cell smaller than twice the cutoff; atomic numbers 13 and 28.
pub fn alloy(n_elements: usize) -> Structure {
    let vectors = [[0.3, 4.1, 0.0], [3.9, 0.5, -0.4], [0.2, 0.7, 4.6]];
    let positions = vec![
        [0.1, 0.2, 0.0],
        [2.2, 2.3, 0.3],
        [2.0, 0.4, 2.4],
        [-0.2, 2.4, 2.5],
        [1.1, 1.4, 4.9],
    ];
    let numbers = [13, 28, 13, 28, 13].map(|z| if n_elements == 1 { 13 } else { z });
    Structure::new(
        Cell::new(vectors, [true; 3]).unwrap(),
        positions,
        numbers.to_vec(),
    )
    .unwrap()
}

/// The same atoms with a different cell and positions.
pub fn with_geometry(
    structure: &Structure,
    vectors: [[f64; 3]; 3],
    positions: Vec<[f64; 3]>,
) -> Structure {
    let cell = Cell::new(vectors, structure.cell().pbc()).unwrap();
    Structure::new(cell, positions, structure.numbers().to_vec()).unwrap()
}

/// A potential with reproducible random coefficients on every feature, scaled to degree.
pub fn random_potential(spec: BasisSpec, seed: u64) -> (Potential, Vec<f64>) {
    let basis = Basis::new(spec.clone()).unwrap();
    let mut random = Random::new(seed);
    let degrees: Vec<usize> = (0..basis.n_species())
        .flat_map(|_| basis.degrees())
        .collect();
    let coefficients: Vec<f64> = degrees
        .iter()
        .map(|d| random.next() * 0.05_f64.powi(*d as i32))
        .collect();
    let reference: Vec<f64> = (0..basis.n_species()).map(|k| -1.5 - k as f64).collect();
    let potential =
        Potential::from_coefficients(spec, &coefficients, &reference, json!({})).unwrap();
    (potential, coefficients)
}

/// An index of anomaly with so many reproducible random forms on two thirds of the features of a potential.
pub fn random_index(potential: &Potential, n_forms: usize, seed: u64) -> AnomalyIndex {
    let mut random = Random::new(seed);
    let mut numbers = |scale: f64| (0..n_forms).map(|_| scale * random.next()).collect();
    let center = |center: &Center| {
        let labels = center.features.keys().enumerate();
        AnomalyCenter {
            element: center.element.clone(),
            offsets: numbers(1.0),
            forms: { labels.filter(|(k, _)| k % 3 > 0) }
                .map(|(_, label)| (label.clone(), numbers(0.01)))
                .collect(),
        }
    };
    AnomalyIndex {
        shell: 0.7 * potential.basis().cutoff(),
        centers: potential.centers().iter().map(center).collect(),
    }
}

/// By the reference evaluator.
pub fn evaluate_reference(
    potential: &Potential,
    structure: &Structure,
) -> mlip_rs::potential::Evaluation {
    let list = NeighborList::new(structure, potential.basis().cutoff()).unwrap();
    potential.evaluate_reference(structure, &list).unwrap()
}

pub fn evaluate(potential: &Potential, structure: &Structure) -> mlip_rs::potential::Evaluation {
    let list = NeighborList::new(structure, potential.basis().cutoff()).unwrap();
    potential.evaluate(structure, &list).unwrap()
}

/// Smallest relative error of central differences over several steps, for a directional derivative.
pub fn best_difference(f: impl Fn(f64) -> f64, derivative: f64, scale: f64) -> f64 {
    let error = |h: f64| {
        let numeric = (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h);
        (numeric - derivative).abs() / derivative.abs().max(scale)
    };
    [1e-2, 3e-3, 1e-3, 3e-4]
        .into_iter()
        .map(error)
        .fold(f64::INFINITY, f64::min)
}
