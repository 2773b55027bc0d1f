//! The potential file: exact, and read without trust.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{alloy, evaluate, random_potential, spec};
use mlip_rs::Error;
use mlip_rs::potential::Potential;

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
        .replacen("\"version\": 1", "\"version\": 2", 1)
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
