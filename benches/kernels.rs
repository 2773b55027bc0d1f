//! Basis values with gradients, design rows and the evaluator, per atom: `cargo bench --bench kernels`.
//!
//! 256 rattled atoms of fcc Al, cutoff 6 Å (about 54 neighbours), one thread. Divan's items are atoms.

// A benchmark has nobody to hand an error to.
#![allow(clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::ItemsCount;
use mlip_rs::basis::Basis;
use mlip_rs::basis::spec::BasisSpec;
use mlip_rs::fit::design::{DesignScratch, RowsMut, design_rows};
use mlip_rs::potential::Potential;
use mlip_rs::{Cell, NeighborList, Structure, parallel};
use serde_json::json;

const HIERARCHIES: [&str; 4] = ["pair", "pair-poly", "angular", "angular-poly"];

fn main() {
    divan::main();
}

fn crystal(n: usize) -> Structure {
    let a = 4.05;
    let basis = [
        [0.0, 0.0, 0.0],
        [0.0, 0.5, 0.5],
        [0.5, 0.0, 0.5],
        [0.5, 0.5, 0.0],
    ];
    let mut seed = 1_u64;
    let mut displacement = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        0.1 * ((seed >> 33) as f64 / f64::from(1_u32 << 30) - 1.0)
    };
    let mut positions = Vec::new();
    for cell in 0..n * n * n {
        let corner = [cell / (n * n), cell / n % n, cell % n].map(|x| x as f64);
        for site in basis {
            positions.push(std::array::from_fn(|k| {
                a * (corner[k] + site[k]) + displacement()
            }));
        }
    }
    let length = a * n as f64;
    let cell = Cell::new(
        [[length, 0.0, 0.0], [0.0, length, 0.0], [0.0, 0.0, length]],
        [true; 3],
    )
    .unwrap();
    let numbers = vec![13; positions.len()];
    Structure::new(cell, positions, numbers).unwrap()
}

fn spec(hierarchy: &str) -> BasisSpec {
    let mu: Vec<f64> = (0..8).map(|k| 1.5 + 0.56 * f64::from(k)).collect();
    let poly = hierarchy.ends_with("poly");
    let mut document = json!({
        "elements": ["Al"], "cutoff": 6.0, "cutoff_function": "cosine",
        "radial": [{"function": {"family": "gaussian", "beta": [1.6], "mu": mu}}],
        "pair": {"degree": if poly { 3 } else { 1 }, "cross_degree": if poly { 2 } else { 1 }},
    });
    if hierarchy.starts_with("angular") {
        let degree = if poly { 2 } else { 1 };
        document["angular"] = json!({
            "max_l": 4, "radial": "free", "degree": degree, "cross_degree": degree, "product_max_l": 2,
        });
    }
    BasisSpec::from_json(&document.to_string()).unwrap()
}

#[divan::bench(args = HIERARCHIES)]
fn design(bencher: Bencher, hierarchy: &str) {
    let (structure, basis) = (crystal(4), Basis::new(spec(hierarchy)).unwrap());
    let (n, columns) = (structure.n_atoms(), basis.n_features());
    let (mut energy, mut forces, mut stress) = (
        vec![0.0; columns],
        vec![0.0; 3 * n * columns],
        vec![0.0; 6 * columns],
    );
    let mut work = DesignScratch::default();
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        let mut rows = RowsMut {
            energy: &mut energy,
            forces: &mut forces,
            stress: &mut stress,
        };
        parallel::pool(1)
            .unwrap()
            .install(|| design_rows(&basis, &structure, &mut rows, &mut work))
            .unwrap();
    });
}

fn potential(hierarchy: &str) -> Potential {
    let spec = spec(hierarchy);
    let n_features = Basis::new(spec.clone()).unwrap().n_features();
    let coefficients: Vec<f64> = (0..n_features).map(|k| 1e-3 / (k + 1) as f64).collect();
    Potential::from_coefficients(spec, &coefficients, &[0.0], json!({})).unwrap()
}

#[divan::bench(args = HIERARCHIES)]
fn evaluator(bencher: Bencher, hierarchy: &str) {
    let (structure, potential) = (crystal(8), potential(hierarchy));
    let list = NeighborList::new(&structure, 6.0).unwrap();
    let clusters = potential.clusters(&structure, &list).unwrap();
    let pool = parallel::pool(1).unwrap();
    bencher
        .counter(ItemsCount::new(structure.n_atoms()))
        .bench_local(|| {
            pool.install(|| potential.evaluate_clusters(&structure, &list, &clusters))
                .unwrap()
        });
}

#[divan::bench(args = HIERARCHIES)]
fn reference_evaluator(bencher: Bencher, hierarchy: &str) {
    let (structure, potential) = (crystal(8), potential(hierarchy));
    let list = NeighborList::new(&structure, 6.0).unwrap();
    let pool = parallel::pool(1).unwrap();
    bencher
        .counter(ItemsCount::new(structure.n_atoms()))
        .bench_local(|| {
            pool.install(|| potential.evaluate_reference(&structure, &list))
                .unwrap()
        });
}

#[divan::bench]
fn clusters(bencher: Bencher) {
    let (structure, potential) = (crystal(8), potential("pair"));
    let list = NeighborList::new(&structure, 6.0).unwrap();
    bencher
        .counter(ItemsCount::new(structure.n_atoms()))
        .bench_local(|| potential.clusters(&structure, &list).unwrap());
}
