//! Potentials: coefficients on a basis, their file, and the evaluator compiled from them.

pub mod compiled;
mod evaluation;
pub mod file;
pub mod plain;

use crate::basis::Basis;
use crate::basis::invariants::LabelIndex;
use crate::basis::monomials::Monomial;
use crate::basis::spec::BasisSpec;
use crate::{Error, Result};
use compiled::CompiledCenter;
pub use evaluation::Evaluation;
use plain::PlainCenter;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

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
struct Kept {
    reference_energy: f64,
    /// Coefficient of the constant feature, which is never handed over to the repulsion.
    constant: f64,
    /// All others, in the order of the basis.
    terms: Vec<(Monomial, f64)>,
}

impl Kept {
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
        let mut kept = Self {
            reference_energy: center.reference_energy,
            constant: 0.0,
            terms: Vec::with_capacity(features.len()),
        };
        for (feature, coefficient) in features {
            match monomials[feature] {
                Monomial::ONE => kept.constant = coefficient,
                monomial => kept.terms.push((monomial, coefficient)),
            }
        }
        Ok(kept)
    }
}

/// A fitted potential, ready to evaluate.
#[derive(Debug, Clone)]
pub struct Potential {
    basis: Basis,
    centers: Vec<Center>,
    info: serde_json::Value,
    kept: Vec<Kept>,
    compiled: Vec<CompiledCenter>,
    plain: OnceLock<Vec<PlainCenter>>,
}

impl Potential {
    /// Assemble a potential; `info` is free metadata (training errors, weights, provenance) that travels with it.
    ///
    /// # Errors
    /// [`Error::Basis`] for an invalid specification; [`Error::PotentialFile`] if centres and elements do not
    /// match, a label is not a feature of the basis, or a number is not finite.
    pub fn new(spec: BasisSpec, centers: Vec<Center>, info: serde_json::Value) -> Result<Self> {
        Self::assemble(Basis::new(spec)?, centers, info)
    }

    /// [`Potential::new`] for a basis that is enumerated already.
    fn assemble(basis: Basis, centers: Vec<Center>, info: serde_json::Value) -> Result<Self> {
        let symbols: Vec<&String> = centers.iter().map(|c| &c.element).collect();
        if symbols != basis.spec().elements.iter().collect::<Vec<_>>() {
            return Err(Error::PotentialFile(format!(
                "centers {symbols:?} do not match the elements {:?} of the basis",
                basis.spec().elements
            )));
        }
        let index = basis.label_index();
        let monomials: Vec<Monomial> = basis.monomials().iter().collect();
        let kept = centers
            .iter()
            .map(|center| Kept::new(&basis, &index, &monomials, center))
            .collect::<Result<Vec<Kept>>>()?;
        let compiled = kept
            .iter()
            .enumerate()
            .map(|(own, kept)| CompiledCenter::new(&basis, own, kept))
            .collect();
        Ok(Self {
            basis,
            centers,
            info,
            kept,
            compiled,
            plain: OnceLock::new(),
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
        let basis = Basis::new(spec)?;
        let (expected, n) = (basis.n_features(), basis.features_per_center());
        if coefficients.len() != expected {
            return Err(Error::Length {
                what: "coefficients",
                expected,
                got: coefficients.len(),
            });
        }
        if reference_energies.len() != basis.n_species() {
            let got = reference_energies.len();
            return Err(Error::Length {
                what: "reference energies",
                expected: basis.n_species(),
                got,
            });
        }
        let labels = basis.labels();
        let mut centers = Vec::new();
        for (k, element) in basis.spec().elements.iter().enumerate() {
            let own = labels.iter().zip(&coefficients[k * n..(k + 1) * n]);
            let features = own
                .filter(|(_, w)| **w != 0.0)
                .map(|(label, w)| (label.clone(), *w))
                .collect();
            centers.push(Center {
                element: element.clone(),
                reference_energy: reference_energies[k],
                features,
            });
        }
        Self::assemble(basis, centers, info)
    }

    /// The basis the labels refer to.
    #[must_use]
    pub fn basis(&self) -> &Basis {
        &self.basis
    }

    /// Coefficients and reference energies by element.
    #[must_use]
    pub fn centers(&self) -> &[Center] {
        &self.centers
    }

    /// The plans of the plain evaluator, made when first asked for.
    fn plain(&self) -> &[PlainCenter] {
        self.plain.get_or_init(|| {
            let kept = self.kept.iter().enumerate();
            kept.map(|(own, kept)| PlainCenter::new(&self.basis, own, kept))
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
