//! The index of anomaly against its definition, and read without trust.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/host.rs"]
#[expect(dead_code, reason = "other results of a host are tested elsewhere")]
mod host;

use common::{FAMILIES, HIERARCHIES, Random, alloy, random_index, random_potential, spec};
use host::Host;
use mlip_rs::fit::features::atomic_features;
use mlip_rs::potential::anomaly::{AnomalyIndex, CLOSENESS};
use mlip_rs::potential::assembly::{Output, Scratch};
use mlip_rs::potential::{Evaluator, Potential};
use mlip_rs::{Cell, Error, NeighborList, Structure, parallel};
use std::f64::consts::PI;
use std::sync::Arc;

/// Relative difference of the index of the compiled evaluator, whose tables are coarse, from its definition.
const TOLERANCE: f64 = 1e-5;
/// Relative difference of two ways through the compiled evaluator, which sum in another order.
const SAME: f64 = 1e-11;

/// Squared sums `γ²` of every atom by the features of the fit.
fn squared(potential: &Potential, structure: &Structure) -> Vec<f64> {
    let (basis, index) = (potential.basis(), potential.index().unwrap());
    let features = atomic_features(basis, structure).unwrap();
    let labels = basis.label_index();
    let species = basis.species(structure.numbers()).unwrap();
    let rows = features.chunks_exact(basis.features_per_center());
    rows.zip(species)
        .map(|(row, s)| {
            let center = &index.centers[usize::from(s)];
            let mut forms: Vec<f64> = center.offsets.iter().map(|o| -o).collect();
            for (label, weights) in &center.forms {
                let value = row[labels.find(label).unwrap()];
                forms
                    .iter_mut()
                    .zip(weights)
                    .for_each(|(q, w)| *q += w * value);
            }
            forms.iter().map(|q| q * q).sum::<f64>() / forms.len() as f64
        })
        .zip(closeness(potential, structure))
        .map(|(squared, close)| squared + close)
        .collect()
}

/// What atoms that repel each other add.
fn closeness(potential: &Potential, structure: &Structure) -> Vec<f64> {
    let basis = potential.basis();
    let list = NeighborList::new(structure, basis.cutoff()).unwrap();
    let frame = list.frame(structure);
    let species = basis.species(structure.numbers()).unwrap();
    (0..structure.n_atoms())
        .map(|i| {
            let Some(repulsion) = basis.repulsion(usize::from(species[i])) else {
                return 0.0;
            };
            let mut nearest = vec![f64::INFINITY; basis.n_species()];
            for &pair in list.row(i) {
                let r = frame.displacement(i, pair).map(|x| x * x);
                let s = usize::from(species[pair.neighbor as usize]);
                nearest[s] = nearest[s].min(r.iter().sum::<f64>().sqrt());
            }
            { nearest.iter().enumerate() }
                .map(|(s, r)| ((1.0 - r / repulsion.outer(s)).max(0.0) / CLOSENESS).powi(2))
                .sum()
        })
        .collect()
}

/// The index by its definition.
fn expected(potential: &Potential, structure: &Structure) -> Vec<f64> {
    let squared = squared(potential, structure);
    let shell = potential.index().unwrap().shell;
    let list = NeighborList::new(structure, shell).unwrap();
    let frame = list.frame(structure);
    (0..structure.n_atoms())
        .map(|i| {
            let (mut sum, mut n) = (squared[i], 1.0);
            for &pair in list.row(i) {
                let r = frame
                    .displacement(i, pair)
                    .map(|x| x * x)
                    .iter()
                    .sum::<f64>()
                    .sqrt();
                let s = 0.5 * (1.0 + (PI * r / shell).cos());
                sum += s * squared[pair.neighbor as usize];
                n += s;
            }
            (sum / n).sqrt()
        })
        .collect()
}

fn found(potential: &Potential, structure: &Structure) -> Vec<f64> {
    let list = NeighborList::new(structure, potential.basis().cutoff()).unwrap();
    potential.index_of(structure, &list).unwrap()
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * b.abs(), "{what}: {a} {b}");
    }
}

fn with_index(potential: &Potential, n_forms: usize) -> Potential {
    potential
        .with_index(random_index(potential, n_forms, 5))
        .unwrap()
}

/// A disordered alloy of several clusters, open along one axis.
fn disordered(n: usize) -> Structure {
    let mut random = Random::new(31);
    let positions: Vec<[f64; 3]> = (0..n * n * n)
        .map(|k| [k / (n * n), k / n % n, k % n].map(|x| 2.5 * x as f64 + 0.2 * random.next()))
        .collect();
    let numbers = (0..positions.len()).map(|k| if k % 3 == 0 { 28 } else { 13 });
    let length = 2.5 * n as f64;
    let cell = [[length, 0.0, 0.0], [0.0, length, 0.0], [0.4, 0.0, length]];
    let cell = Cell::new(cell, [true, true, false]).unwrap();
    Structure::new(cell, positions, numbers.collect()).unwrap()
}

#[test]
fn the_index_is_its_definition_for_every_family_hierarchy_and_number_of_elements() {
    for (k, family) in FAMILIES.iter().enumerate() {
        for (h, hierarchy) in HIERARCHIES.into_iter().enumerate() {
            let n = 1 + (k + h) % 2;
            let spec = spec(&["Al", "Ni"][..n], family, hierarchy);
            let n_forms = [8, 1, 3, 16, 11][k % 5];
            let potential = with_index(&random_potential(spec, 7).0, n_forms);
            let what = format!("{family} {hierarchy} {n} {n_forms}");
            let structure = alloy(n);
            let expected = expected(&potential, &structure);
            assert_close(&found(&potential, &structure), &expected, TOLERANCE, &what);
        }
    }
}

#[test]
fn nothing_else_changes_with_the_index_and_it_is_the_same_for_any_number_of_threads() {
    let structure = disordered(6);
    for hierarchy in ["pair-poly", "contracted"] {
        let (plain, _) = random_potential(spec(&["Al", "Ni"], "gaussian", hierarchy), 3);
        let potential = Arc::new(with_index(&plain, 8));
        let reference = common::evaluate(&plain, &structure);
        let indices = [1, 3].map(|threads| {
            let evaluator = Evaluator::new(Arc::clone(&potential), 0.5, threads).unwrap();
            let (evaluation, index) = evaluator.evaluate_with_index(&structure).unwrap();
            assert_eq!(evaluation, evaluator.evaluate(&structure).unwrap());
            index
        });
        assert_eq!(
            common::evaluate(&potential, &structure),
            reference,
            "{hierarchy}"
        );
        assert_eq!(indices[0], indices[1], "{hierarchy}");
        let expected = expected(&potential, &structure);
        assert_close(&indices[0], &expected, TOLERANCE, hierarchy);
    }
}

#[test]
fn a_host_with_ghosts_gets_the_same_index() {
    let structure = alloy(2);
    let (plain, _) = random_potential(spec(&["Al", "Ni"], "gaussian", "angular-poly"), 3);
    let potential = with_index(&plain, 8);
    let host = Host::new(&structure, &potential, 0.4);
    let list = potential.row_list(&host.rows()).unwrap();
    let mut anomalies = vec![[0.0; 2]; host.positions.len()];
    let output = Output {
        anomalies: Some(&mut anomalies),
        ..Output::default()
    };
    let mut scratch = Scratch::default();
    potential
        .evaluate_rows(&list, &host.positions, output, &mut scratch)
        .unwrap();
    let mut sums = vec![[0.0; 2]; structure.n_atoms()];
    for (owner, own) in host.owners.iter().zip(&anomalies) {
        (0..2).for_each(|k| sums[*owner][k] += own[k]);
    }
    let index: Vec<f64> = sums.iter().map(|s| f64::sqrt(s[0] / s[1])).collect();
    assert_close(&index, &found(&potential, &structure), SAME, "host");
}

#[test]
fn a_shell_beyond_the_functions_in_use_and_a_centre_without_forms_are_smoothed_over_all_neighbours()
{
    let (full, _) = random_potential(spec(&["Al", "Ni"], "polynomial", "pair"), 3);
    let mut centers = full.centers().to_vec();
    centers[1].features.clear();
    let info = serde_json::Value::Null;
    let plain = Potential::new(full.basis().spec().clone(), centers, info).unwrap();
    let mut index = random_index(&plain, 4, 5);
    index.shell = plain.basis().cutoff();
    let potential = plain.with_index(index).unwrap();
    let structure = alloy(2);
    let expected = expected(&potential, &structure);
    assert_close(
        &found(&potential, &structure),
        &expected,
        TOLERANCE,
        "shell",
    );
}

#[test]
fn neighbours_that_the_energy_does_not_know_are_seen() {
    for repulsion in [false, true] {
        let mut document =
            serde_json::to_value(spec(&["Al", "Ni"], "gaussian", "angular")).unwrap();
        if repulsion {
            document["repulsion"] = serde_json::json!(
                {"inner": [[1.0, 1.0], [1.0, 1.0]], "outer": [[1.5, 1.5], [1.5, 1.5]]}
            );
        }
        let spec = mlip_rs::basis::spec::BasisSpec::from_json(&document.to_string()).unwrap();
        let (full, _) = random_potential(spec.clone(), 7);
        let unseen = |center: usize, label: &str| label.contains(["Ni", "Al"][center]);
        let mut centers = full.centers().to_vec();
        for (k, center) in centers.iter_mut().enumerate() {
            center.features.retain(|label, _| !unseen(k, label));
        }
        let plain = Potential::new(spec, centers, serde_json::Value::Null).unwrap();
        let mut index = random_index(&plain, 8, 5);
        for (k, center) in index.centers.iter_mut().enumerate() {
            for label in full.centers()[k].features.keys() {
                if unseen(k, label) && label.starts_with("d[") && !label.contains(['*', '^']) {
                    center.forms.insert(label.clone(), vec![0.3; 8]);
                }
            }
        }
        let potential = plain.with_index(index).unwrap();
        let structure = alloy(2);
        let expected = expected(&potential, &structure);
        assert_close(
            &found(&potential, &structure),
            &expected,
            TOLERANCE,
            "unseen",
        );
        assert_eq!(
            common::evaluate(&potential, &structure),
            common::evaluate(&plain, &structure)
        );
    }
}

#[test]
fn atoms_that_repel_each_other_have_the_index_of_their_unswitched_features_and_of_their_closeness()
{
    let mut document = serde_json::to_value(spec(&["Al", "Ni"], "gaussian", "angular")).unwrap();
    document["repulsion"] =
        serde_json::json!({"inner": [[2.0, 2.0], [2.0, 2.0]], "outer": [[3.0, 3.0], [3.0, 3.0]]});
    let spec = mlip_rs::basis::spec::BasisSpec::from_json(&document.to_string()).unwrap();
    let potential = with_index(&random_potential(spec, 7).0, 8);
    let structure = alloy(2);
    let close = closeness(&potential, &structure);
    assert!(close.iter().any(|x| *x > 10.0));
    let expected = expected(&potential, &structure);
    assert_close(
        &found(&potential, &structure),
        &expected,
        TOLERANCE,
        "close",
    );
}

#[test]
fn the_index_is_stored_with_the_potential_and_covered_by_its_checksum() {
    let (plain, _) = random_potential(spec(&["Al", "Ni"], "gaussian", "angular-poly"), 3);
    let potential = with_index(&plain, 8).with_info(serde_json::json!({"note": 1}));
    let text = potential.to_json().unwrap();
    let again = Potential::from_json(&text).unwrap();
    assert_eq!(again.index(), potential.index());
    assert_eq!(again.checksum().unwrap(), potential.checksum().unwrap());
    assert_ne!(plain.checksum().unwrap(), potential.checksum().unwrap());
    assert!(!plain.to_json().unwrap().contains("\"index\""));
    assert_eq!(found(&again, &alloy(2)), found(&potential, &alloy(2)));
    let edited = text.replacen("\"shell\": 3.15", "\"shell\": 3.25", 1);
    assert_ne!(edited, text);
    let Err(Error::PotentialFile(reason)) = Potential::from_json(&edited) else {
        panic!("accepted");
    };
    assert!(reason.contains("checksum"));
}

/// What is done to an index.
type Change<'a> = &'a dyn Fn(&mut AnomalyIndex);

#[test]
fn what_does_not_fit_the_potential_is_refused() {
    let (full, _) = random_potential(spec(&["Al", "Ni"], "gaussian", "angular-poly"), 3);
    let mut centers = full.centers().to_vec();
    centers[0].features.remove("d[Al,0]^2").unwrap();
    let info = serde_json::Value::Null;
    let potential = Potential::new(full.basis().spec().clone(), centers, info).unwrap();
    let refused = |change: Change| {
        let mut index = random_index(&potential, 8, 5);
        change(&mut index);
        match potential.with_index(index) {
            Err(Error::PotentialFile(reason)) => reason,
            other => panic!("accepted: {other:?}"),
        }
    };
    let add = |label: &'static str, n: usize| {
        move |i: &mut AnomalyIndex| {
            i.centers[0].forms.insert(label.into(), vec![1.0; n]);
        }
    };
    let cases: [(Change, &str); 15] = [
        (&|i| i.shell = 4.6, "at most the cutoff"),
        (&|i| i.shell = 0.0, "must be at least 0.1 Å"),
        (&|i| i.shell = 1e-300, "must be at least 0.1 Å"),
        (&|i| i.shell = f64::NAN, "must be at least 0.1 Å"),
        (&|i| i.centers[0].forms.clear(), "no form, although"),
        (&|i| i.centers.reverse(), "do not match the elements"),
        (&|i| i.centers.truncate(1), "do not match the elements"),
        (
            &|i| i.centers[1].offsets.truncate(7),
            "7 numbers, but there are 8",
        ),
        (
            &|i| i.centers.iter_mut().for_each(|c| c.offsets.clear()),
            "0 forms",
        ),
        (
            &|i| i.centers.iter_mut().for_each(|c| c.offsets.resize(65, 0.0)),
            "65 forms",
        ),
        (&|i| i.centers[0].offsets[2] = f64::INFINITY, "not finite"),
        (&add("d[Cu,0]", 8), "is not a feature"),
        (&add("d[Al,0]^2", 8), "has no coefficient"),
        (&add("d[Al,1]", 3), "3 numbers"),
        (&add("d[Al,1]*d[Al,0]", 8), "given twice"),
    ];
    for (change, reason) in cases {
        let found = refused(change);
        assert!(
            found.contains("index of anomaly")
                && found.contains(reason)
                && found.ends_with("; copy the file again, or fit again"),
            "{found}"
        );
    }
    assert!(matches!(
        AnomalyIndex::from_json("{\"shell\": 3}"),
        Err(Error::PotentialFile(_))
    ));
}

#[test]
fn a_potential_without_index_says_how_to_make_one() {
    let (potential, _) = random_potential(spec(&["Al"], "gaussian", "pair"), 3);
    let list = NeighborList::new(&alloy(1), 4.5).unwrap();
    let error = potential.index_of(&alloy(1), &list).unwrap_err();
    assert_eq!(error, Error::NoIndex);
    assert!(error.to_string().contains("fit it again"));
    let one = parallel::pool(1).unwrap();
    let (at, error) = one
        .install(|| potential.index_of_many(&[&alloy(1)]))
        .unwrap_err();
    assert_eq!((at, error), (0, Error::NoIndex));
}
