//! Invariants that a specification lists by their factors, instead of all that its limits allow.

use super::MAX_FEATURES;
use super::coupling;
use super::invariants::{Channel, Factor, Invariant, equal_runs};
use super::spec::{BasisSpec, Invariants, RadialEntry};
use crate::{Error, Result};
use std::collections::HashSet;

/// The invariants of the listed factors, with all their couplings, in the order of the list.
///
/// # Errors
/// [`Error::Basis`] naming the entry that is malformed, given twice, or has no invariant in this basis.
pub(super) fn listed_invariants(
    entries: &[String],
    own: &Invariants,
    spec: &BasisSpec,
    radial: &[RadialEntry],
    is_redundant: &dyn Fn(&[Factor]) -> bool,
) -> Result<Vec<Invariant>> {
    let (mut list, mut seen) = (Vec::new(), HashSet::new());
    for entry in entries {
        let refuse = |what: &str| {
            let shown: String = entry.chars().take(80).collect();
            let order = own.order;
            Error::Basis(format!("order {order}: factors {shown:?}: {what}"))
        };
        let factors = read(entry, own.order, &spec.elements)
            .ok_or_else(|| refuse("are not written as in a label"))?;
        let is_there = |f: &Factor| {
            let limit = radial
                .get(f.channel.radial)
                .and_then(|e| e.max_l(own.order));
            limit.is_some_and(|limit| f.l <= limit)
        };
        if !factors.iter().all(is_there) {
            return Err(refuse(
                "have a radial function that the order does not have with this l",
            ));
        }
        if !factors.is_sorted() {
            return Err(refuse("do not ascend"));
        }
        let degrees: Vec<usize> = factors.iter().map(|f| f.l).collect();
        if !coupling::is_feasible(&degrees) {
            return Err(refuse("give couplings of too many components"));
        }
        let count = coupling::count(&degrees, &equal_runs(&factors));
        if count == 0 || is_redundant(&factors) {
            return Err(refuse("have no invariant of their own"));
        }
        if list.len() + count > MAX_FEATURES {
            return Err(refuse("are too many"));
        }
        list.extend((0..count).map(|component| Invariant::new(&factors, component)));
        if !seen.insert(factors) {
            return Err(refuse("are given twice"));
        }
    }
    Ok(list)
}

/// Factors as a label has them between its brackets: `Al.0,Ni.2,l=3` of order 2, `Al.0,Al.1,Ni.0,l=0.1.1` of order 3.
fn read(entry: &str, order: usize, elements: &[String]) -> Option<Vec<Factor>> {
    let (channels, degrees) = entry.split_once(",l=")?;
    let mut degrees = degrees.split('.').map(number).collect::<Option<Vec<_>>>()?;
    if order == 2 && degrees.len() == 1 {
        degrees.push(degrees[0]);
    } else if order == 2 {
        return None;
    }
    let channels: Vec<&str> = channels.split(',').collect();
    if channels.len() != order || degrees.len() != order {
        return None;
    }
    let factor = |(channel, l): (&&str, usize)| {
        let (symbol, radial) = channel.split_once('.')?;
        let channel = Channel {
            species: elements.iter().position(|e| e == symbol)?,
            radial: number(radial)?,
        };
        Some(Factor { l, channel })
    };
    channels.iter().zip(degrees).map(factor).collect()
}

/// A whole number of digits only.
fn number(text: &str) -> Option<usize> {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use crate::basis::Basis;
    use crate::basis::spec::BasisSpec;
    use crate::{Error, Result};

    fn basis(order: usize, factors: &[&str]) -> Result<Basis> {
        let spec = serde_json::json!({
            "elements": ["Al", "Ni"], "cutoff": 4.5, "cutoff_function": "cosine",
            "radial": [{"function": {"family": "gaussian", "beta": [1.0], "mu": [1.0, 2.0, 3.0]}, "max_l": 4}],
            "invariants": [{"order": 1}, {"order": order, "max_l": 6, "factors": factors}],
        });
        Basis::new(BasisSpec::from_json(&spec.to_string())?)
    }

    #[test]
    fn listed_factors_have_all_their_couplings_and_no_others_exist() {
        let listed = basis(
            4,
            &[
                "Al.0,Al.1,Ni.0,Ni.2,l=1.1.2.2",
                "Al.0,Al.0,Al.0,Al.0,l=0.0.0.0",
            ],
        );
        let labels = listed.unwrap().labels();
        let expected = [
            "b[Al.0,Al.1,Ni.0,Ni.2,l=1.1.2.2,k=0]",
            "b[Al.0,Al.1,Ni.0,Ni.2,l=1.1.2.2,k=1]",
            "b[Al.0,Al.1,Ni.0,Ni.2,l=1.1.2.2,k=2]",
            "b[Al.0,Al.0,Al.0,Al.0,l=0.0.0.0,k=0]",
        ];
        assert_eq!(labels[6..], expected);
        let pairs = basis(2, &["Al.0,Ni.2,l=3", "Al.0,Ni.2,l=1"])
            .unwrap()
            .labels();
        assert_eq!(pairs[6..], ["p[Al.0,Ni.2,l=3]", "p[Al.0,Ni.2,l=1]"]);
    }

    #[test]
    fn listed_factors_that_are_wrong_are_named() {
        for (order, entry, word) in [
            (3, "Al.0,Al.0,l=0.0", "not written"),
            (3, "Al.0,Al.0,Al.0,l=0.0.0.0", "not written"),
            (3, "Al.0,Al.0,Fe.0,l=0.0.0", "not written"),
            (3, "Al.0,Al.0,Al.+1,l=0.0.0", "not written"),
            (
                3,
                "Al.0,Al.0,Al.99999999999999999999,l=0.0.0",
                "not written",
            ),
            (3, "", "not written"),
            (2, "Al.0,Al.0,l=1.1", "not written"),
            (3, "Al.0,Al.0,Al.3,l=0.0.0", "radial function"),
            (3, "Al.0,Al.0,Al.0,l=0.5.5", "radial function"),
            (3, "Al.1,Al.0,Al.0,l=0.0.0", "ascend"),
            (3, "Al.0,Al.0,Al.0,l=1.1.0", "ascend"),
            (3, "Al.0,Al.0,Al.0,l=1.1.1", "no invariant"),
            (3, "Al.0,Al.0,Al.0,l=0.1.2", "no invariant"),
            (
                6,
                "Al.0,Al.0,Al.0,Al.0,Al.0,Al.0,l=4.4.4.4.4.4",
                "components",
            ),
        ] {
            let Err(Error::Basis(message)) = basis(order, &[entry]) else {
                panic!("{entry}");
            };
            assert!(message.contains(word), "{message}");
        }
        let Err(Error::Basis(message)) = basis(2, &["Al.0,Al.0,l=1", "Al.0,Al.0,l=1"]) else {
            panic!();
        };
        assert!(message.contains("twice"), "{message}");
    }
}
