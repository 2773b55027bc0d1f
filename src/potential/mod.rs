//! Potentials: coefficients on a basis, their file, and the evaluators made from them.
//!
//! [`compiled`] is what evaluates, by plans made once for each centre element; [`mod@reference`] computes the same slowly and
//! obviously, as its oracle. [`assembly`] brings the atoms of a structure, or of a host with its own neighbour lists, to
//! the compiled evaluator; [`Evaluator`] keeps neighbour lists from call to call, [`langevin`] moves small structures.

pub mod anomaly;
pub mod assembly;
pub mod compiled;
mod evaluation;
mod evaluator;
pub mod file;
pub mod langevin;
pub mod reference;

use crate::basis::Basis;
use crate::basis::invariants::LabelIndex;
use crate::basis::monomials::Monomial;
use crate::basis::spec::BasisSpec;
use crate::{Error, Result};
use anomaly::AnomalyIndex;
use compiled::CompiledCenter;
pub use evaluation::Evaluation;
pub use evaluator::Evaluator;
use reference::ReferenceCenter;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// What one element contributes as a centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Center {
    /// Chemical symbol.
    pub element: String,
    /// Energy of the isolated atom, eV.
    pub reference_energy: f64,
    /// Non-zero coefficients by feature label, eV per unit of the feature.
    pub features: BTreeMap<String, f64>,
}

/// The features of a centre that have a coefficient, checked.
#[derive(Debug, Clone)]
struct Terms {
    reference_energy: f64,
    /// Coefficient of the constant feature, which the repulsion never switches off.
    constant: f64,
    /// All others, in the order of the basis.
    products: Vec<(Monomial, f64)>,
}

impl Terms {
    fn new(
        basis: &Basis,
        index: &LabelIndex,
        monomials: &[Monomial],
        center: &Center,
    ) -> Result<Self> {
        let fail = |message: String| {
            Error::PotentialFile(format!("element {}: {message}", center.element))
        };
        if !center.reference_energy.is_finite() {
            return Err(fail("the reference energy is not finite".into()));
        }
        let mut features = Vec::with_capacity(center.features.len());
        for (label, &coefficient) in &center.features {
            let feature = index
                .find(label)
                .ok_or_else(|| fail(format!("{label:?} is not a feature of its basis")))?;
            if !coefficient.is_finite() {
                return Err(fail(format!("the coefficient of {label:?} is not finite")));
            }
            features.push((feature, coefficient));
        }
        features.sort_unstable_by_key(|(feature, _)| *feature);
        if let Some(twice) = features.windows(2).find(|w| w[0].0 == w[1].0) {
            return Err(fail(format!(
                "feature {:?} is given twice",
                basis.labels()[twice[0].0]
            )));
        }
        let mut found = Self {
            reference_energy: center.reference_energy,
            constant: 0.0,
            products: Vec::with_capacity(features.len()),
        };
        for (feature, coefficient) in features {
            match monomials[feature] {
                Monomial::ONE => found.constant = coefficient,
                monomial => found.products.push((monomial, coefficient)),
            }
        }
        Ok(found)
    }
}

/// Neighbours are listed at least this far, Å, so that atoms on top of each other are noticed.
const SHORTEST_CUTOFF: f64 = 1.0;

/// Largest magnitude of energies (eV), forces (eV/Å) and virials (eV) of atoms; sums of them stay finite.
pub const MAX_RESULT: f64 = 1e100;

/// A fitted potential, ready to evaluate.
#[derive(Debug, Clone)]
pub struct Potential {
    basis: Arc<Basis>,
    centers: Vec<Center>,
    index: Option<Arc<AnomalyIndex>>,
    info: serde_json::Value,
    /// What is evaluated, by element; shared with copies that differ in their metadata only.
    evaluated: Arc<Evaluated>,
    checksum: OnceLock<String>,
}

/// The two evaluators of a potential, by element.
#[derive(Debug)]
struct Evaluated {
    terms: Vec<Terms>,
    compiled: Vec<CompiledCenter>,
    reference: OnceLock<Vec<ReferenceCenter>>,
}

impl Potential {
    /// Assemble a potential; `info` is free metadata (training errors, weights, provenance) that travels with it.
    ///
    /// # Errors
    /// [`Error::Basis`] for an invalid specification; [`Error::PotentialFile`] if centres and elements do not
    /// match, a label is not a feature of the basis, or a number is not finite.
    pub fn new(spec: BasisSpec, centers: Vec<Center>, info: serde_json::Value) -> Result<Self> {
        Self::assemble(Arc::new(Basis::new(spec)?), centers, None, info)
    }

    /// [`Potential::new`] for a basis that is enumerated already, and with an index of anomaly.
    fn assemble(
        basis: Arc<Basis>,
        centers: Vec<Center>,
        anomaly: Option<Arc<AnomalyIndex>>,
        info: serde_json::Value,
    ) -> Result<Self> {
        let symbols: Vec<&String> = centers.iter().map(|c| &c.element).collect();
        if symbols != basis.spec().elements.iter().collect::<Vec<_>>() {
            return Err(Error::PotentialFile(format!(
                "centers {symbols:?} do not match the elements {:?} of the basis",
                basis.spec().elements
            )));
        }
        let index = basis.label_index();
        let monomials: Vec<Monomial> = basis.monomials().iter().collect();
        let terms = centers
            .iter()
            .map(|center| Terms::new(&basis, &index, &monomials, center))
            .collect::<Result<Vec<Terms>>>()?;
        let forms = { anomaly.as_ref() }
            .map(|anomaly| anomaly.forms(&basis, &index, &monomials, &centers))
            .transpose()?;
        let forms_of = |own: usize| forms.as_ref().map(|forms| &forms[own]);
        let compiled = { terms.iter().enumerate() }
            .map(|(own, terms)| CompiledCenter::new(&basis, own, terms, forms_of(own)))
            .collect();
        Ok(Self {
            basis,
            centers,
            index: anomaly,
            info,
            evaluated: Arc::new(Evaluated {
                terms,
                compiled,
                reference: OnceLock::new(),
            }),
            checksum: OnceLock::new(),
        })
    }

    /// Assemble a potential from a dense vector of coefficients, one per column of a design matrix.
    ///
    /// # Errors
    /// [`Error::Length`] for vectors of the wrong length, else as [`Potential::new`].
    pub fn from_coefficients(
        spec: BasisSpec,
        coefficients: &[f64],
        reference_energies: &[f64],
        info: serde_json::Value,
    ) -> Result<Self> {
        let basis = Arc::new(Basis::new(spec)?);
        Self::on_basis(basis, coefficients, reference_energies, info)
    }

    /// [`Potential::from_coefficients`] on a basis that several potentials may share.
    ///
    /// # Errors
    /// As [`Potential::from_coefficients`].
    pub fn on_basis(
        basis: Arc<Basis>,
        coefficients: &[f64],
        reference_energies: &[f64],
        info: serde_json::Value,
    ) -> Result<Self> {
        let lengths = [
            ("coefficients", basis.n_features(), coefficients.len()),
            (
                "reference energies",
                basis.n_species(),
                reference_energies.len(),
            ),
        ];
        for (what, expected, got) in lengths {
            if got != expected {
                return Err(Error::Length {
                    what,
                    expected,
                    got,
                });
            }
        }
        let (labels, n) = (basis.labels(), basis.features_per_center());
        let center = |(k, element): (usize, &String)| {
            let own = labels.iter().zip(&coefficients[k * n..(k + 1) * n]);
            let features = { own.filter(|(_, w)| **w != 0.0) }
                .map(|(label, w)| (label.clone(), *w))
                .collect();
            Center {
                element: element.clone(),
                reference_energy: reference_energies[k],
                features,
            }
        };
        let elements = basis.spec().elements.iter();
        let centers = elements.enumerate().map(center).collect();
        Self::assemble(basis, centers, None, info)
    }

    /// The same potential with an index of anomaly, in place of the one that it may have.
    ///
    /// # Errors
    /// [`Error::PotentialFile`] if the index does not fit the potential, naming the entry.
    pub fn with_index(&self, index: AnomalyIndex) -> Result<Self> {
        Self::assemble(
            Arc::clone(&self.basis),
            self.centers.clone(),
            Some(Arc::new(index)),
            self.info.clone(),
        )
    }

    /// The same potential with other metadata; nothing is enumerated or compiled again.
    #[must_use]
    pub fn with_info(&self, info: serde_json::Value) -> Self {
        Self {
            basis: Arc::clone(&self.basis),
            centers: self.centers.clone(),
            index: self.index.clone(),
            info,
            evaluated: Arc::clone(&self.evaluated),
            checksum: OnceLock::new(),
        }
    }

    /// The basis the labels refer to.
    #[must_use]
    pub fn basis(&self) -> &Arc<Basis> {
        &self.basis
    }

    /// Distance up to which neighbours matter, Å: at most the cutoff of the basis, of whose features some may be left out.
    #[must_use]
    pub fn cutoff(&self) -> f64 {
        let used = self.plans().iter().map(CompiledCenter::cutoff);
        used.fold(SHORTEST_CUTOFF, f64::max)
            .min(self.basis.cutoff())
    }

    /// Coefficients and reference energies by element.
    #[must_use]
    pub fn centers(&self) -> &[Center] {
        &self.centers
    }

    /// The index of anomaly, if the potential has one.
    #[must_use]
    pub fn index(&self) -> Option<&AnomalyIndex> {
        self.index.as_deref()
    }

    /// The plans of the compiled evaluator, by element.
    #[must_use]
    pub fn plans(&self) -> &[CompiledCenter] {
        &self.evaluated.compiled
    }

    /// The plans of the reference evaluator, made when first asked for.
    fn reference(&self) -> &[ReferenceCenter] {
        self.evaluated.reference.get_or_init(|| {
            let terms = self.evaluated.terms.iter().enumerate();
            terms
                .map(|(own, terms)| ReferenceCenter::new(&self.basis, own, terms))
                .collect()
        })
    }

    /// Metadata.
    #[must_use]
    pub fn info(&self) -> &serde_json::Value {
        &self.info
    }

    /// Number of non-zero coefficients.
    #[must_use]
    pub fn n_nonzero(&self) -> usize {
        self.centers.iter().map(|c| c.features.len()).sum()
    }
}
