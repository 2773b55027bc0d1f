//! The index of anomaly of a potential: how unlike the training data the surroundings of an atom are.
//!
//! Linear forms `q_k = Σ_f Q_fk φ_f − o_k` of the features of an atom, which whoever makes the index chooses so that their
//! squares average to the squared Mahalanobis distance from the atoms of the training data, `γ_i² = (1/m) Σ_k q_k²`. The
//! index is its root mean square over the atom and its neighbours, `I_i² = (γ_i² + Σ_j s_ij γ_j²) / (1 + Σ_j s_ij)` with
//! `s(r) = ½ (1 + cos(π r / shell))`. Features are meant without the switching of the repulsion. They are frozen where it
//! acts, so `Σ_e (max(0, 1 − r_ie / outer_e) / CLOSENESS)²` is added to `γ_i²`, with the distance `r_ie` of the nearest
//! neighbour of element e and the distance `outer_e` below which it is repelled: no data are as close.

use super::Center;
use crate::basis::Basis;
use crate::basis::invariants::{Channel, Invariant, LabelIndex};
use crate::basis::monomials::Monomial;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most linear forms of an index.
pub const MAX_FORMS: usize = 64;

/// Smallest radius in which neighbours are averaged over, Å: no atoms are as close.
pub const MIN_SHELL: f64 = 0.1;

/// Part of the distance at which the repulsion begins by which a neighbour that is closer adds 1 to `γ²`.
pub const CLOSENESS: f64 = 0.02;

/// The index as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnomalyIndex {
    /// Radius in which neighbours are averaged over, Å.
    pub shell: f64,
    /// One entry for each element, in the order of the elements.
    pub centers: Vec<AnomalyCenter>,
}

/// The forms of one centre element.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnomalyCenter {
    /// Chemical symbol.
    pub element: String,
    /// `o_k`, as many as there are forms.
    pub offsets: Vec<f64>,
    /// `Q_fk` by feature label: features that have a coefficient, and pairwise invariants, so that neighbours which the
    /// training data do not have are seen.
    pub forms: BTreeMap<String, Vec<f64>>,
}

/// The forms of one centre element, checked.
#[derive(Debug, Clone)]
pub(super) struct Forms {
    pub shell: f64,
    /// What each form is without neighbours: the constant feature minus the offset.
    pub starts: Vec<f64>,
    /// Weights of all other features, in the order of the basis.
    pub products: Vec<(Monomial, Vec<f64>)>,
}

impl AnomalyIndex {
    /// Read the JSON of an index.
    ///
    /// # Errors
    /// [`Error::PotentialFile`] for text that is not JSON of an index.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| fail(&format!("malformed ({e})")))
    }

    /// The text that [`AnomalyIndex::from_json`] reads.
    ///
    /// # Errors
    /// [`Error::PotentialFile`] if a number has no JSON form.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| fail(&format!("cannot be written ({e})")))
    }

    /// The forms of each centre.
    ///
    /// # Errors
    /// [`Error::PotentialFile`] for whatever does not fit the potential.
    pub(super) fn forms(
        &self,
        basis: &Basis,
        index: &LabelIndex,
        monomials: &[Monomial],
        centers: &[Center],
    ) -> Result<Vec<Forms>> {
        // Written so that a NaN is refused.
        if !(self.shell >= MIN_SHELL && self.shell <= basis.cutoff()) {
            let cutoff = basis.cutoff();
            return Err(fail(&format!(
                "its shell is {} Å; it must be at least {MIN_SHELL} Å and at most the cutoff of the basis, {cutoff} Å",
                self.shell
            )));
        }
        let own: Vec<&String> = self.centers.iter().map(|c| &c.element).collect();
        let expected: Vec<&String> = centers.iter().map(|c| &c.element).collect();
        if own != expected {
            return Err(fail(&format!(
                "its centers {own:?} do not match the elements {expected:?} of the basis"
            )));
        }
        let n_forms = self.centers.first().map_or(1, |c| c.offsets.len());
        if !(1..=MAX_FORMS).contains(&n_forms) {
            return Err(fail(&format!(
                "it has {n_forms} forms; it must have 1 to {MAX_FORMS}"
            )));
        }
        let features = Features {
            basis,
            index,
            monomials,
        };
        let pairs = self.centers.iter().zip(centers);
        pairs
            .map(|(own, center)| own.checked(self.shell, n_forms, &features, center))
            .collect()
    }
}

/// The features of a basis.
struct Features<'a> {
    basis: &'a Basis,
    index: &'a LabelIndex,
    monomials: &'a [Monomial],
}

impl Forms {
    /// The pairwise invariant that a feature is; forms tabulate it, whether the energy needs it or not.
    pub fn pairwise(basis: &Basis, feature: &Monomial) -> Option<Channel> {
        match *feature.factors() {
            [k] => match basis.invariants()[k as usize] {
                Invariant::Pair(channel) => Some(channel),
                _ => None,
            },
            _ => None,
        }
    }

    /// Largest distance of neighbours that the energy may not need, Å.
    pub fn cutoff(&self, basis: &Basis) -> f64 {
        { self.products.iter() }
            .filter_map(|(feature, _)| Self::pairwise(basis, feature))
            .flat_map(|channel| basis.radial()[channel.radial].combination(0))
            .map(|(p, _)| basis.primitives()[p].cutoff)
            .fold(self.shell, f64::max)
    }
}

impl AnomalyCenter {
    fn checked(
        &self,
        shell: f64,
        n_forms: usize,
        features: &Features,
        center: &Center,
    ) -> Result<Forms> {
        let Features {
            basis,
            index,
            monomials,
        } = *features;
        let fail = |message: &str| fail(&format!("element {}: {message}", self.element));
        let numbers = |what: &str, values: &[f64]| {
            if values.len() != n_forms {
                let n = values.len();
                return Err(fail(&format!(
                    "{what}: {n} numbers, but there are {n_forms} forms"
                )));
            }
            if values.iter().all(|x| x.is_finite()) {
                return Ok(());
            }
            Err(fail(&format!("{what}: a number is not finite")))
        };
        numbers("offsets", &self.offsets)?;
        let kept: BTreeSet<usize> = { center.features.keys() }
            .filter_map(|label| index.find(label))
            .collect();
        let mut forms: BTreeMap<usize, &Vec<f64>> = BTreeMap::new();
        for (label, weights) in &self.forms {
            let Some(feature) = index.find(label) else {
                return Err(fail(&format!("{label:?} is not a feature of the basis")));
            };
            if !kept.contains(&feature) && Forms::pairwise(basis, &monomials[feature]).is_none() {
                return Err(fail(&format!(
                    "{label:?} has no coefficient in this potential, so its form cannot be evaluated"
                )));
            }
            numbers(&format!("form of {label:?}"), weights)?;
            if forms.insert(feature, weights).is_some() {
                return Err(fail(&format!("the form of {label:?} is given twice")));
            }
        }
        if forms.is_empty() && kept.iter().any(|k| monomials[*k] != Monomial::ONE) {
            return Err(fail("it has no form, although features have coefficients"));
        }
        let mut found = Forms {
            shell,
            starts: self.offsets.iter().map(|o| -o).collect(),
            products: Vec::with_capacity(forms.len()),
        };
        for (feature, weights) in forms {
            match monomials[feature] {
                Monomial::ONE => {
                    let starts = found.starts.iter_mut().zip(weights);
                    starts.for_each(|(start, weight)| *start += weight);
                }
                monomial => found.products.push((monomial, weights.clone())),
            }
        }
        Ok(found)
    }
}

fn fail(message: &str) -> Error {
    Error::PotentialFile(format!(
        "index of anomaly: {message}; copy the file again, or fit again"
    ))
}
