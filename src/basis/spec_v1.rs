//! Version 1 of the basis specification, read into the present one.
//!
//! It had three kinds of invariants: `pair` (order 1), `angular` (order 2), and `higher`, a list of orders 3 to 6. The
//! `mixed_degree` of the first two stood beside them, and the repulsion called the local density `crowding`.

use super::cutoff::CutoffFunction;
use super::radial_set::RadialSet;
use super::spec::{self, Invariants, RadialCoupling};
use crate::repulsion::{DensitySwitch, Repulsion};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BasisSpec {
    elements: Vec<String>,
    cutoff: f64,
    cutoff_function: CutoffFunction,
    radial: Vec<RadialSet>,
    pair: Pair,
    #[serde(default)]
    angular: Option<Angular>,
    /// Orders 3 to 6; the entries have the same keys as today.
    #[serde(default)]
    higher: Vec<Invariants>,
    #[serde(default)]
    mixed_degree: usize,
    #[serde(default)]
    constant: bool,
    #[serde(default)]
    repulsion: Option<RepulsionV1>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    degree: usize,
    cross_degree: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Angular {
    max_l: usize,
    radial: RadialCoupling,
    degree: usize,
    cross_degree: usize,
    #[serde(default)]
    product_max_l: Option<usize>,
    #[serde(default)]
    product_radial: Option<RadialCoupling>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RepulsionV1 {
    inner: Vec<Vec<f64>>,
    outer: Vec<Vec<f64>>,
    #[serde(default)]
    crowding: Option<DensitySwitch>,
}

/// Whether a JSON document has the key `pair`, which every specification of version 1 has and none of version 2.
pub(super) fn is_version_1(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        pair: Option<IgnoredAny>,
    }
    serde_json::from_str::<Probe>(text).is_ok_and(|probe| probe.pair.is_some())
}

impl From<BasisSpec> for spec::BasisSpec {
    fn from(old: BasisSpec) -> Self {
        let mut invariants = vec![Invariants {
            degree: old.pair.degree,
            cross_degree: old.pair.cross_degree,
            mixed_degree: old.mixed_degree,
            ..Invariants::linear(1, 0)
        }];
        invariants.extend(old.angular.map(|angular| Invariants {
            radial: angular.radial,
            degree: angular.degree,
            cross_degree: angular.cross_degree,
            mixed_degree: old.mixed_degree,
            product_max_l: angular.product_max_l,
            product_radial: angular.product_radial,
            ..Invariants::linear(2, angular.max_l)
        }));
        invariants.extend(old.higher);
        Self {
            elements: old.elements,
            cutoff: old.cutoff,
            cutoff_function: old.cutoff_function,
            radial: old.radial,
            invariants,
            constant: old.constant,
            repulsion: old.repulsion.map(|repulsion| Repulsion {
                inner: repulsion.inner,
                outer: repulsion.outer,
                density: repulsion.crowding,
            }),
        }
    }
}
