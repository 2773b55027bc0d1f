//! The potential file: exact, and read without trust.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{alloy, evaluate, random_potential, spec};
use mlip_rs::basis::spec::{BasisSpec, Invariants};
use mlip_rs::potential::Potential;
use mlip_rs::{Cell, Error, Structure};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Relative difference of energies, forces and virials that are equal.
const EQUAL: f64 = 1e-12;

fn text() -> String {
    random_potential(spec(&["Al", "Ni"], "gaussian", "angular-poly"), 3)
        .0
        .to_json()
        .unwrap()
}

fn reason(text: &str) -> String {
    match Potential::from_json(text) {
        Err(Error::PotentialFile(reason)) => reason,
        other => panic!("accepted: {other:?}"),
    }
}

#[test]
fn a_potential_read_back_gives_the_same_bits() {
    let (potential, _) = random_potential(spec(&["Al", "Ni"], "gaussian", "angular-poly"), 3);
    let again = Potential::from_json(&potential.to_json().unwrap()).unwrap();
    assert_eq!(evaluate(&potential, &alloy(2)), evaluate(&again, &alloy(2)));
    assert_eq!(potential.to_json().unwrap(), again.to_json().unwrap());
}

#[test]
fn a_truncated_file_is_refused_wherever_it_is_cut() {
    let text = text();
    for part in [0, 1, 10, 100, text.len() / 2, text.len() - 2] {
        let reason = reason(&text[..part]);
        assert!(
            reason.contains("cut short") || reason.contains("empty"),
            "{part}: {reason}"
        );
    }
}

#[test]
fn an_edited_file_is_refused() {
    assert!(reason(&text().replacen("\"cutoff\": 4.5", "\"cutoff\": 4.6", 1)).contains("checksum"));
}

#[test]
fn a_newer_version_is_refused_before_anything_else_is_read() {
    let text = text()
        .replacen("\"version\": 2", "\"version\": 3", 1)
        .replacen("\"content\"", "\"contents\"", 1);
    assert!(reason(&text).contains("newer"));
}

#[test]
fn other_documents_are_refused() {
    assert!(reason("{}").contains("not a potential"));
    assert!(reason("[1, 2]").contains("not a potential"));
    assert!(reason("Lattice=\"1 0 0\"").contains("not a JSON"));
    assert!(
        reason(&"[".repeat(100_000)).contains("JSON")
            || reason(&"[".repeat(100_000)).contains("cut short")
    );
}

#[test]
fn every_label_names_its_feature() {
    let (potential, _) = random_potential(spec(&["Al", "Ni"], "sto", "angular-poly"), 3);
    let index = potential.basis().label_index();
    for (k, label) in potential.basis().labels().iter().enumerate() {
        assert_eq!(index.find(label), Some(k), "{label}");
    }
    for wrong in [
        "",
        "d[Al,9]",
        "d[Cu,0]",
        "d[Al,0]^4",
        "d[Al,0]**d[Al,1]",
        "p[Al.0,Al.0,l=99]",
        "2",
    ] {
        assert_eq!(index.find(wrong), None, "{wrong}");
    }
}

const VERSION_1: [&str; 5] = ["pair", "pair-poly", "angular", "angular-poly", "invariants"];

fn version_1(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/potential_v1");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn assert_close(found: &[f64], expected: &Value, what: &str) {
    let expected: Vec<f64> = serde_json::from_value(expected.clone()).unwrap();
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1.0_f64, |m, x| m.max(x.abs()));
    for (x, y) in found.iter().zip(&expected) {
        assert!((x - y).abs() < EQUAL * scale, "{what}: {x} {y}");
    }
}

#[test]
fn potentials_of_version_1_give_the_energies_they_had() {
    let expected: Value = serde_json::from_str(&version_1("expected.json")).unwrap();
    for name in VERSION_1 {
        let potential = Potential::from_json(&version_1(&format!("{name}.mlip.json"))).unwrap();
        let expected = &expected[name];
        let part = |key: &str| expected[key].clone();
        assert_eq!(potential.basis().spec().hierarchy(), name);
        assert_eq!(json!(potential.basis().n_features()), part("n_features"));
        let labels = potential.basis().labels();
        assert_eq!(json!(labels.last()), part("last_label"));
        let first: Vec<String> = serde_json::from_value(part("first_labels")).unwrap();
        assert_eq!(labels[..first.len()], first);

        let vectors = serde_json::from_value(part("cell")).unwrap();
        let structure = Structure::new(
            Cell::new(vectors, [true; 3]).unwrap(),
            serde_json::from_value(part("positions")).unwrap(),
            serde_json::from_value(part("numbers")).unwrap(),
        )
        .unwrap();
        let found = evaluate(&potential, &structure);
        assert_close(&[found.energy()], &json!([part("energy")]), name);
        assert_close(&found.virial(), &part("virial"), name);
        let forces: Vec<[f64; 3]> = serde_json::from_value(part("forces")).unwrap();
        assert_close(
            found.forces.as_flattened(),
            &json!(forces.as_flattened()),
            name,
        );

        // Written again, it is the same potential of version 2.
        let text = potential.to_json().unwrap();
        assert!(text.contains("\"version\": 2"));
        let again = Potential::from_json(&text).unwrap();
        assert_eq!(evaluate(&again, &structure), found);
    }
}

#[test]
fn an_edited_file_of_version_1_is_refused() {
    let text = version_1("pair.mlip.json").replacen("\"degree\": 1", "\"degree\": 2", 1);
    assert!(reason(&text).contains("checksum"));
}

#[test]
fn a_specification_of_version_1_is_that_of_version_2() {
    let common = json!({
        "elements": ["Al"], "cutoff": 5.0, "cutoff_function": "cosine",
        "radial": [{"function": common::radial("bessel")}],
        "repulsion": {"inner": [[1.5]], "outer": [[1.9]]},
    });
    let (mut old, mut new) = (common.clone(), common);
    let density = json!({"onset": [9.0], "end": [12.0], "level": 2.0, "range": 1.5});
    old["repulsion"]["crowding"] = density.clone();
    new["repulsion"]["density"] = density;
    old["pair"] = json!({"degree": 3, "cross_degree": 2});
    old["angular"] = json!({"max_l": 4, "radial": "free", "degree": 2, "cross_degree": 2, "product_max_l": 2,
        "product_radial": "diagonal"});
    old["mixed_degree"] = json!(2);
    old["higher"] =
        json!([{"order": 3, "max_l": 2, "radial": "diagonal", "max_n": 2, "mixed_degree": 2}]);
    new["invariants"] = json!([
        {"order": 1, "degree": 3, "cross_degree": 2, "mixed_degree": 2},
        {"order": 2, "max_l": 4, "degree": 2, "cross_degree": 2, "mixed_degree": 2, "product_max_l": 2,
         "product_radial": "diagonal"},
        {"order": 3, "max_l": 2, "radial": "diagonal", "max_n": 2, "mixed_degree": 2},
    ]);
    let read = |document: &Value| BasisSpec::from_json(&document.to_string()).unwrap();
    assert_eq!(read(&old), read(&new));
    assert_eq!(serde_json::to_value(read(&old)).unwrap(), new);
}

/// A basis with every key that a specification can have.
fn complete() -> BasisSpec {
    let text = json!({
        "elements": ["Al", "Ni"], "cutoff": 4.5, "cutoff_function": "cosine", "constant": true,
        "radial": [
            {"function": common::radial("bessel"), "orders": [1]},
            {"function": common::radial("gaussian"), "cutoff": 3.9, "max_l": 2, "products": false,
             "orders": [2, 3, 4], "contraction": [[[1.0, 0.5, 0.1]], [[0.2, 0.4, 0.6]], [[0.3, 0.3, 0.3]]]},
        ],
        "invariants": [
            {"order": 1, "degree": 2, "mixed_degree": 2},
            {"order": 2, "max_l": 2, "radial": "diagonal", "degree": 3, "cross_degree": 2, "mixed_degree": 2,
             "product_max_l": 1, "product_radial": "diagonal"},
            {"order": 3, "max_l": 2, "min_l": 1, "max_n": 1, "max_total": 4},
        ],
        "repulsion": {"inner": [[1.5, 1.4], [1.4, 1.5]], "outer": [[1.9, 2.0], [2.0, 1.9]],
            "density": {"onset": [3.5, 3.5], "end": [9.0, 10.0], "level": 3.0, "range": 2.1}},
    });
    BasisSpec::from_json(&text.to_string()).unwrap()
}

/// Every key of a document with the name of its table in docs/potential-file.md.
fn keys(document: &Value, table: &str, found: &mut Vec<(String, String)>) {
    match document {
        Value::Array(list) => list.iter().for_each(|entry| keys(entry, table, found)),
        Value::Object(entries) => {
            for (key, value) in entries {
                found.push((table.to_owned(), key.clone()));
                match key.as_str() {
                    "features" | "forms" | "info" => {} // labels, and free metadata
                    _ => keys(value, key, found),
                }
            }
        }
        _ => {}
    }
}

/// Keys in the tables of docs/potential-file.md with the name of the table, which its heading has between backticks.
fn documented() -> Vec<(String, String)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/potential-file.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (mut table, mut found) = (String::new(), Vec::new());
    for line in text.lines() {
        if line.starts_with('#') {
            table = String::from(line.split('`').nth(1).unwrap_or("none"));
        }
        let cells: Vec<&str> = line.split(" | ").collect();
        let quoted = |cell: usize| cells[cell].split('`').skip(1).step_by(2);
        if table == "families" && line.starts_with("| `") {
            let family = quoted(0).next().unwrap();
            found.extend(quoted(1).map(|key| (family.to_owned(), key.to_owned())));
        } else if line.starts_with("| `") {
            found.extend(quoted(0).map(|key| (table.clone(), key.to_owned())));
        }
    }
    found
}

#[test]
fn the_description_of_the_file_names_every_key_and_no_other() {
    let mut written = Vec::new();
    let (potential, _) = random_potential(complete(), 3);
    let potential = potential
        .with_index(common::random_index(&potential, 2, 3))
        .unwrap();
    let text = potential.to_json().unwrap();
    keys(
        &serde_json::from_str(&text).unwrap(),
        "document",
        &mut written,
    );
    // Every field of the invariants: one that had only its default would not be written.
    let all = serde_json::to_value(Invariants {
        min_l: 1,
        max_n: Some(1),
        max_total: Some(1),
        degree: 2,
        cross_degree: 2,
        mixed_degree: 2,
        factors: Some(Vec::new()),
        ..complete().invariants[1].clone()
    });
    keys(&json!({"invariants": all.unwrap()}), "basis", &mut written);
    for family in common::FAMILIES {
        let mut function = common::radial(family);
        function.as_object_mut().unwrap().remove("family");
        for key in function.as_object().unwrap().keys() {
            written.push((family.to_owned(), key.clone()));
        }
    }
    written.retain(|(table, key)| table != "function" || key == "family");
    written.sort();
    written.dedup();
    let mut documented: Vec<_> = documented()
        .into_iter()
        .filter(|(table, _)| table != "none")
        .collect();
    documented.sort();
    documented.dedup(); // of `centers` there are two tables
    assert_eq!(documented, written);
}

#[test]
fn the_description_of_the_file_names_every_kind_of_label() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/potential-file.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (potential, _) = random_potential(complete(), 3);
    for label in potential.basis().labels() {
        for factor in label.split('*') {
            let kind = factor.split('[').next().unwrap();
            let power = factor.rsplit_once('^').map_or("", |(_, power)| power);
            assert!(
                text.contains(&format!("| `{kind}")),
                "{label} is not described"
            );
            assert!(power.is_empty() || text.contains(&format!("`A^{power}`")));
        }
    }
}
