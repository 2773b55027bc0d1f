//! Where the energy depends on sums over the neighbours of several elements through their total, one sum is kept.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Random, alloy, evaluate, evaluate_reference};
use mlip_rs::basis::spec::BasisSpec;
use mlip_rs::potential::{Center, Potential};
use serde_json::json;
use std::collections::BTreeMap;

/// What is done to the coefficients of an element.
type Change<'a> = &'a dyn Fn(&mut BTreeMap<String, f64>);

const TOLERANCE: f64 = 1e-7;
const ELEMENTS: [&str; 2] = ["Al", "Ni"];

/// Second-order features of totals `a_Al + ratio a_Ni` with random coefficients, and random pair terms.
fn features(ratio: f64, seed: u64) -> BTreeMap<String, f64> {
    let mut random = Random::new(seed);
    let mut found = BTreeMap::new();
    for element in ELEMENTS {
        for n in 0..3 {
            found.insert(format!("d[{element},{n}]"), random.next());
        }
    }
    for l in 0..=3 {
        for (n, m) in [(0, 0), (0, 1), (1, 2), (2, 2)] {
            let w = random.next();
            let mut add = |first: &str, second: &str, weight: f64| {
                *found
                    .entry(format!("p[{first},{second},l={l}]"))
                    .or_insert(0.0) += weight;
            };
            add(&format!("Al.{n}"), &format!("Al.{m}"), w);
            add(&format!("Al.{n}"), &format!("Ni.{m}"), w * ratio);
            add(&format!("Al.{m}"), &format!("Ni.{n}"), w * ratio);
            add(&format!("Ni.{n}"), &format!("Ni.{m}"), w * ratio * ratio);
        }
    }
    found
}

fn potential(ratio: f64, contracted: bool, change: Change) -> Potential {
    let function = json!({"family": "gaussian", "beta": [0.8], "mu": [1.5, 2.5, 3.5]});
    let mut sets = vec![json!({"function": function, "orders": [1]})];
    let mut own = json!({"function": function, "orders": [2]});
    if contracted {
        let rows = |l: usize| json!([[1.0, 0.1, 0.2], [0.0, 1.0, l], [0.3, 0.0, 1.0]]);
        own["contraction"] = json!([rows(0), rows(1), rows(2), rows(3)]);
        sets.push(own);
    } else {
        sets = vec![json!({"function": function})];
    }
    let document = json!({
        "elements": ELEMENTS, "cutoff": 4.5, "cutoff_function": "cosine", "radial": sets,
        "invariants": [{"order": 1}, {"order": 2, "max_l": 3}],
    });
    let shift = if contracted { 3 } else { 0 };
    let center = |(k, element): (usize, &&str)| {
        let mut features = features(ratio, 5 + k as u64);
        change(&mut features);
        let renamed = features.into_iter().map(|(label, weight)| {
            if label.starts_with('d') {
                return (label, weight);
            }
            let names = (0..3).fold(label, |label, n| {
                label.replace(&format!(".{n},"), &format!(".+{},", n + shift))
            });
            (names.replace('+', ""), weight)
        });
        Center {
            element: (*element).into(),
            reference_energy: -1.0,
            features: renamed.collect(),
        }
    };
    let centers = ELEMENTS.iter().enumerate().map(center).collect();
    let spec = BasisSpec::from_json(&document.to_string()).unwrap();
    Potential::new(spec, centers, json!({})).unwrap()
}

fn assert_right(potential: &Potential, what: &str) {
    let (fast, slow) = (
        evaluate(potential, &alloy(2)),
        evaluate_reference(potential, &alloy(2)),
    );
    let scalars = fast.energies.iter().zip(&slow.energies);
    let forces = fast
        .forces
        .iter()
        .flatten()
        .zip(slow.forces.iter().flatten());
    let virials = fast
        .virials
        .iter()
        .flatten()
        .zip(slow.virials.iter().flatten());
    for (a, b) in scalars.chain(forces).chain(virials) {
        assert!(
            (a - b).abs() < TOLERANCE * b.abs().max(1.0),
            "{what}: {a} {b}"
        );
    }
}

fn terms(potential: &Potential) -> usize {
    potential.plans().iter().map(|p| p.size().graph.terms).sum()
}

#[test]
fn totals_are_summed_once_and_give_the_same_energies_forces_and_virials() {
    for contracted in [false, true] {
        // Four pairs of radial functions, 16 components, and the pair terms, for each element of the centre.
        let merged = 2 * (4 * 16 + 1);
        for ratio in [1.0, -0.7] {
            let potential = potential(ratio, contracted, &|_| {});
            assert_right(&potential, &format!("{ratio} {contracted}"));
            assert_eq!(terms(&potential), merged, "{ratio} {contracted}");
        }
    }
}

#[test]
fn what_is_no_total_is_not_taken_for_one() {
    let changes: [(&str, Change); 4] = [
        ("one coefficient", &|own| {
            *own.get_mut("p[Al.0,Ni.1,l=2]").unwrap() *= 1.0 + 1e-6;
        }),
        ("one of an element alone", &|own| {
            *own.get_mut("p[Ni.1,Ni.2,l=3]").unwrap() *= 1.0 + 1e-6;
        }),
        ("a missing one", &|own| {
            own.remove("p[Al.2,Ni.2,l=1]");
        }),
        ("one more", &|own| {
            own.insert("p[Al.0,Ni.2,l=0]".into(), 0.01);
        }),
    ];
    let merged = terms(&potential(1.0, false, &|_| {}));
    for (what, change) in changes {
        let potential = potential(1.0, false, change);
        assert_right(&potential, what);
        assert!(terms(&potential) > 2 * merged, "{what}");
    }
}
