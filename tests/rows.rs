//! Evaluation with the neighbour rows of a host: equal to the periodic one, refusing rows that contradict themselves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/host.rs"]
mod host;

use common::{HIERARCHIES, Random, alloy, evaluate, random_potential, spec};
use host::Host;
use mlip_rs::basis::spec::BasisSpec;
use mlip_rs::potential::assembly::rows::Rows;
use mlip_rs::potential::assembly::{Output, Scratch};
use mlip_rs::potential::{Evaluation, Potential};
use mlip_rs::{Cell, Error, Structure, parallel};
use proptest::prelude::*;
use serde_json::json;

const CUTOFF: f64 = 4.5;
const EQUALITY_TOLERANCE: f64 = 1e-10;

fn assert_equal(a: &Evaluation, b: &Evaluation, what: &str) {
    let close = |a: f64, b: f64| (a - b).abs() < EQUALITY_TOLERANCE * b.abs().max(1.0);
    let pairs = |a: &Evaluation, b: &Evaluation| -> Vec<(f64, f64)> {
        let flat = |e: &Evaluation| -> Vec<f64> {
            let forces = e.forces.iter().flatten();
            let virials = e.virials.iter().flatten();
            { e.energies.iter().chain(forces).chain(virials) }
                .copied()
                .collect()
        };
        let (a, b) = (flat(a), flat(b));
        assert_eq!(a.len(), b.len(), "{what}");
        a.into_iter().zip(b).collect()
    };
    for (x, y) in pairs(a, b) {
        assert!(close(x, y), "{what}: {x} {y}");
    }
}

/// Cells smaller and larger than the cutoff, skewed, left-handed, periodic in some directions, none or all.
fn structures(n_elements: usize) -> Vec<Structure> {
    let small = alloy(n_elements);
    let with_pbc = |pbc| {
        let cell = Cell::new(*small.cell().vectors(), pbc).unwrap();
        let (positions, numbers) = (small.positions().to_vec(), small.numbers().to_vec());
        Structure::new(cell, positions, numbers).unwrap()
    };
    let mut random = Random::new(5);
    let large = (0..120)
        .map(|k| [k % 5, k / 5 % 5, k / 25].map(|x| 2.7 * f64::from(x) + 0.2 * random.next()));
    let positions: Vec<[f64; 3]> = large.collect();
    let numbers = { 0..positions.len() }
        .map(|k| {
            if n_elements == 2 && k % 3 == 0 {
                28
            } else {
                13
            }
        })
        .collect();
    let vectors = [[13.5, 0.0, 0.0], [4.0, 13.5, 0.0], [0.0, -2.0, 13.5]];
    let cell = Cell::new(vectors, [true; 3]).unwrap();
    vec![
        with_pbc([true, false, true]),
        with_pbc([false; 3]),
        Structure::new(cell, positions, numbers).unwrap(),
        small,
    ]
}

fn elements(n: usize) -> &'static [&'static str] {
    &["Al", "Ni"][..n]
}

#[test]
fn rows_with_ghosts_give_the_energies_forces_and_virials_of_the_periodic_structure() {
    for (n, hierarchy) in [1, 2].into_iter().flat_map(|n| HIERARCHIES.map(|h| (n, h))) {
        let (potential, _) = random_potential(spec(elements(n), "gaussian", hierarchy), 7);
        for (k, structure) in structures(n).iter().enumerate() {
            let expected = evaluate(&potential, structure);
            for skin in [0.0, 1.5] {
                let host = Host::new(structure, &potential, skin);
                let found = host.folded(&host.evaluate(&potential), structure.n_atoms());
                assert_equal(
                    &found,
                    &expected,
                    &format!("{hierarchy} {n} {k} skin {skin}"),
                );
            }
        }
    }
}

#[test]
fn rows_with_repulsion_and_angular_cutoff_equal_the_periodic_structure() {
    let document = json!({
        "elements": ["Al", "Ni"], "cutoff": CUTOFF, "cutoff_function": "cosine",
        "radial": [
            {"function": common::radial("gaussian"), "orders": [1]},
            {"function": common::radial("bessel"), "orders": [2], "cutoff": 3.2},
        ],
        "invariants": [{"order": 1, "degree": 2, "cross_degree": 2}, {"order": 2, "max_l": 3}],
        "repulsion": {
            "inner": [[1.5, 1.5], [1.5, 1.5]], "outer": [[2.9, 2.9], [2.9, 2.9]],
            "density": {"onset": [3.0, 3.0], "end": [9.0, 9.0]},
        },
    });
    let spec = BasisSpec::from_json(&document.to_string()).unwrap();
    let (potential, _) = random_potential(spec, 3);
    for structure in structures(2) {
        let host = Host::new(&structure, &potential, 0.7);
        let found = host.folded(&host.evaluate(&potential), structure.n_atoms());
        assert_equal(&found, &evaluate(&potential, &structure), "repulsion");
    }
}

fn small_host() -> (Potential, Host) {
    let (potential, _) = random_potential(spec(elements(2), "gaussian", "angular"), 7);
    let host = Host::new(&alloy(2), &potential, 0.5);
    (potential, host)
}

#[test]
fn results_are_added_and_what_is_not_wanted_is_left_out() {
    let (potential, host) = small_host();
    let all = host.evaluate(&potential);
    let list = potential.row_list(&host.rows()).unwrap();
    let mut scratch = Scratch::default();
    let n = host.positions.len();
    let (mut energies, mut forces, mut virials) =
        (vec![1.0; n], vec![[2.0; 3]; n], vec![[3.0; 6]; n]);
    let mut add = |output: Output| {
        let result = potential.evaluate_rows(&list, &host.positions, output, &mut scratch);
        result.unwrap();
    };
    add(Output {
        energies: Some(&mut energies),
        ..Output::default()
    });
    add(Output {
        forces: Some(&mut forces),
        ..Output::default()
    });
    add(Output {
        virials: Some(&mut virials),
        ..Output::default()
    });
    add(Output::default());
    for v in &mut energies {
        *v -= 1.0;
    }
    forces.as_flattened_mut().iter_mut().for_each(|v| *v -= 2.0);
    virials
        .as_flattened_mut()
        .iter_mut()
        .for_each(|v| *v -= 3.0);
    let found = Evaluation {
        energies,
        forces,
        virials,
    };
    assert_equal(&found, &all, "added");
}

#[test]
fn centers_without_neighbours_have_the_energy_of_isolated_atoms_and_no_centres_have_none() {
    let (potential, host) = small_host();
    let n = host.positions.len();
    let isolated = Host {
        centers: vec![0, 1],
        starts: vec![0, 0, 0],
        neighbors: vec![],
        ..host.clone()
    };
    let atom = Structure::new(Cell::open(), vec![[0.0; 3]], vec![13]).unwrap();
    let found = isolated.evaluate(&potential);
    assert_eq!(found.energies[..1], evaluate(&potential, &atom).energies);
    assert!(found.forces.iter().flatten().all(|f| *f == 0.0));
    let nobody = Host {
        centers: vec![],
        starts: vec![0],
        neighbors: vec![],
        ..host
    };
    assert_eq!(nobody.evaluate(&potential).energies, vec![0.0; n]);
    let empty = Host {
        positions: vec![],
        species: vec![],
        ..nobody
    };
    assert_eq!(empty.evaluate(&potential).energies, Vec::<f64>::new());
}

#[test]
fn some_centres_in_any_order_have_the_energies_they_have_among_all() {
    let (potential, host) = small_host();
    let all = host.evaluate(&potential);
    let mut some = Host {
        centers: vec![4, 1, 2],
        starts: vec![0],
        neighbors: vec![],
        ..host.clone()
    };
    for &center in &[4, 1, 2] {
        some.neighbors
            .extend(&host.neighbors[host.starts[center]..host.starts[center + 1]]);
        some.starts.push(some.neighbors.len());
    }
    let found = some.evaluate(&potential);
    for i in 0..5 {
        let expected = if [1, 2, 4].contains(&i) {
            all.energies[i]
        } else {
            0.0
        };
        assert!((found.energies[i] - expected).abs() < EQUALITY_TOLERANCE);
    }
}

#[test]
fn neighbours_without_species_are_passed_over() {
    let (potential, host) = small_host();
    let mut masked = host.clone();
    let n = 5;
    for (species, owner) in masked.species.iter_mut().zip(&masked.owners) {
        if *owner == 3 {
            *species = None;
        }
    }
    masked.centers = vec![0, 1, 2, 4];
    masked.starts.remove(3);
    let row = host.starts[3]..host.starts[4];
    masked.neighbors.drain(row.clone());
    masked.starts[3..].iter_mut().for_each(|s| *s -= row.len());
    masked.starts[3] = row.start;
    let structure = alloy(2);
    let left = |k: &usize| *k != 3;
    let positions = (0..n)
        .filter(left)
        .map(|k| structure.positions()[k])
        .collect();
    let numbers = (0..n)
        .filter(left)
        .map(|k| structure.numbers()[k])
        .collect();
    let without = Structure::new(structure.cell().clone(), positions, numbers).unwrap();
    let expected = evaluate(&potential, &without);
    let found = masked.evaluate(&potential);
    for (k, i) in (0..n).filter(left).enumerate() {
        assert!((found.energies[i] - expected.energies[k]).abs() < EQUALITY_TOLERANCE);
    }
}

#[test]
fn rows_give_the_same_bits_for_any_number_of_threads() {
    let (potential, _) = random_potential(spec(elements(2), "gaussian", "angular-poly"), 7);
    let host = Host::new(&structures(2)[2], &potential, 2.5);
    assert!(
        host.positions.len() > 512,
        "forces are summed in several tasks"
    );
    let alone = host.evaluate(&potential);
    for threads in [1, 2, 3] {
        let pool = parallel::pool(threads).unwrap();
        assert_eq!(pool.install(|| host.evaluate(&potential)), alone);
    }
}

#[test]
fn positions_that_cannot_be_evaluated_are_named_and_nothing_is_added() {
    let (potential, host) = small_host();
    let list = potential.row_list(&host.rows()).unwrap();
    let n = host.positions.len();
    let mut forces = vec![[1.0; 3]; n];
    let error_of = |positions: &[[f64; 3]], forces: &mut [[f64; 3]]| {
        let output = Output {
            forces: Some(forces),
            ..Output::default()
        };
        let result = potential.evaluate_rows(&list, positions, output, &mut Scratch::default());
        result.unwrap_err()
    };
    let mut bad = host.positions.clone();
    bad[2][1] = f64::NAN;
    let error = error_of(&bad, &mut forces);
    assert_eq!(error, Error::NonFinitePosition { atom: 2 });
    bad[2] = bad[0];
    let error = error_of(&bad, &mut forces);
    assert!(
        matches!(
            error,
            Error::Overlap {
                atom: 0,
                other: 2,
                ..
            }
        ),
        "{error}"
    );
    assert!(matches!(
        error_of(&bad[1..], &mut forces),
        Error::Length { .. }
    ));
    assert!(matches!(
        error_of(&host.positions, &mut forces[1..]),
        Error::Length { .. }
    ));
    assert_eq!(forces, vec![[1.0; 3]; n]);
}

#[test]
fn rows_that_contradict_themselves_are_refused_by_name() {
    type Change<'a> = &'a dyn Fn(&mut Host);
    let (potential, host) = small_host();
    let n = host.positions.len() as u32;
    let message = |change: Change| {
        let mut bad = host.clone();
        change(&mut bad);
        potential.row_list(&bad.rows()).unwrap_err().to_string()
    };
    let cases: [(Change, &str); 8] = [
        (&|h| h.neighbors[0] = n, "of centre 0 is not among"),
        (&|h| h.neighbors[0] = 0, "centre 0 is its own neighbour"),
        (&|h| h.centers[1] = n, "is not among the"),
        (&|h| h.centers[1] = 0, "centre 0 is given twice"),
        (&|h| h.species[0] = None, "centre 0 has no species"),
        (&|h| h.species[1] = Some(2), "position 1 has species 2"),
        (&|h| h.starts[1] = usize::MAX, "starts must ascend"),
        (
            &|h| h.starts.truncate(2),
            "starts of rows: expected 6 entries, got 2",
        ),
    ];
    for (change, expected) in cases {
        let found = message(change);
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn results_that_are_not_finite_are_refused_and_add_nothing() {
    let spec = BasisSpec::from_json(
        &json!({
            "elements": ["Al"], "cutoff": 4.5, "cutoff_function": "cosine",
            "radial": [{"function": {"family": "polynomial", "p": [-30]}}],
            "invariants": [{"order": 1, "degree": 3}],
        })
        .to_string(),
    )
    .unwrap();
    let potential = Potential::from_coefficients(spec, &[1.0; 3], &[0.0], json!({})).unwrap();
    let rows = Rows {
        species: &[Some(0); 3],
        centers: &[0, 1],
        starts: &[0, 2, 4],
        neighbors: &[1, 2, 0, 2],
    };
    let list = potential.row_list(&rows).unwrap();
    let evaluate = |distance: f64, forces_only: bool| {
        let positions = [[0.0; 3], [2.5, 0.0, 0.0], [2.5, 0.0, distance]];
        let (mut energies, mut forces) = (vec![1.0; 3], vec![[1.0; 3]; 3]);
        let output = Output {
            energies: (!forces_only).then_some(&mut energies[..]),
            forces: Some(&mut forces),
            ..Output::default()
        };
        let mut scratch = Scratch::default();
        let result = potential.evaluate_rows(&list, &positions, output, &mut scratch);
        (result, energies, forces)
    };
    for forces_only in [false, true] {
        assert!(evaluate(2.0, forces_only).0.is_ok());
        let (result, energies, forces) = evaluate(0.02, forces_only);
        let message = result.unwrap_err().to_string();
        assert!(message.contains("atom 2 is only 0.020 Å away"), "{message}");
        assert_eq!((energies, forces), (vec![1.0; 3], vec![[1.0; 3]; 3]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn any_rows_are_evaluated_or_refused_but_never_panic(
        centers in prop::collection::vec(0_u32..9, 0..6),
        starts in prop::collection::vec(0_usize..12, 0..8),
        neighbors in prop::collection::vec(0_u32..9, 0..12),
        species in prop::collection::vec(prop::option::of(0_u16..3), 0..9),
        coordinates in prop::collection::vec(-4.0..4.0_f64, 27),
        sorted in any::<bool>(),
    ) {
        let (potential, _) = random_potential(spec(elements(2), "gaussian", "pair"), 7);
        let mut starts = starts;
        if sorted {
            starts.resize(centers.len() + 1, 0);
            starts = starts.into_iter().map(|s| s.min(neighbors.len())).collect();
            starts.sort_unstable();
            starts[0] = 0;
            starts[centers.len()] = neighbors.len();
        }
        let rows = Rows { species: &species, centers: &centers, starts: &starts, neighbors: &neighbors };
        if let Ok(list) = potential.row_list(&rows) {
            let n = species.len();
            let positions: Vec<[f64; 3]> = coordinates.as_chunks::<3>().0[..n].to_vec();
            let mut forces = vec![[0.0; 3]; n];
            let output = Output { forces: Some(&mut forces), ..Output::default() };
            if potential.evaluate_rows(&list, &positions, output, &mut Scratch::default()).is_ok() {
                prop_assert!(forces.iter().flatten().all(|f| f.is_finite()));
            }
        }
    }
}
