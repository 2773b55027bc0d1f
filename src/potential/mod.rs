//! Potentials: coefficients on a basis, their file, and the evaluator compiled from them.

pub mod compile;
pub mod evaluate;
pub mod file;

use crate::basis::Basis;
use crate::basis::spec::BasisSpec;
use crate::{Error, Result};
use compile::CompiledCenter;
pub use evaluate::Evaluation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// A fitted potential, ready to evaluate.
#[derive(Debug, Clone)]
pub struct Potential {
    basis: Basis,
    centers: Vec<Center>,
    info: serde_json::Value,
    compiled: Vec<CompiledCenter>,
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
        let compiled = centers
            .iter()
            .enumerate()
            .map(|(k, center)| CompiledCenter::new(&basis, &index, k, center))
            .collect::<Result<_>>()?;
        Ok(Self {
            basis,
            centers,
            info,
            compiled,
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
