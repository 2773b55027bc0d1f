//! A small potential of two elements.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mlip_rs::basis::Basis;
use mlip_rs::basis::spec::BasisSpec;
use mlip_rs::potential::Potential;
use mlip_rs::potential::anomaly::AnomalyIndex;

const SPEC: &str = r#"{"elements": ["Al", "Ni"], "cutoff": 4.5, "cutoff_function": "cosine",
    "radial": [{"function": {"family": "gaussian", "beta": [0.8], "mu": [1.5, 2.5, 3.5]}}],
    "invariants": [{"order": 1}, {"order": 2, "max_l": 2}]}"#;

/// One form for each element: 2 for an atom of aluminium and 3 for one of nickel, whatever is around it.
const INDEX: &str = r#"{"shell": 4.0, "centers": [
    {"element": "Al", "offsets": [2.0], "forms": {"d[Al,0]": [0.0]}},
    {"element": "Ni", "offsets": [-3.0], "forms": {"d[Ni,0]": [0.0]}}]}"#;

pub fn potential() -> Potential {
    let spec = BasisSpec::from_json(SPEC).unwrap();
    let n = 2 * Basis::new(spec.clone()).unwrap().features_per_center();
    let coefficients: Vec<f64> = (0..n).map(|k| 0.02 * (1.7 * k as f64).sin()).collect();
    let info = serde_json::Value::Null;
    let plain = Potential::from_coefficients(spec, &coefficients, &[-3.0, -4.0], info).unwrap();
    plain
        .with_index(AnomalyIndex::from_json(INDEX).unwrap())
        .unwrap()
}
