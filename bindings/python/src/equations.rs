//! `accumulate`, `symmetrize`, `predict`: normal equations in the caller's memory.

use crate::basis::PyBasis;
use crate::errors::{CoreError, at_index, wrong_argument, wrong_shape};
use crate::structure::PyStructure;
use mlip_rs::basis::Basis;
use mlip_rs::fit::held_rows::HeldRows;
use mlip_rs::fit::normal::{self, Equations, NormalEquations, Sample, Targets, Weights};
use mlip_rs::symmetric::mirror_lower;
use mlip_rs::{Structure, parallel};
use numpy::{
    IntoPyArray, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2,
    PyReadwriteArray3, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use std::sync::Arc;

/// Labels and weights of the structures of one call, as flat arrays.
#[pyclass(frozen, module = "mlip_rs._core")]
pub struct Labels {
    energy_per_atom: Vec<f64>,
    forces: Vec<f64>,
    stress: Vec<[f64; 6]>,
    weights: Vec<Weights>,
}

#[pymethods]
impl Labels {
    /// Energies per atom (S,), forces of all atoms (Σ N, 3), stresses (S, 6), weights (S, 3) of energy, forces, stress.
    #[new]
    fn new(
        energy_per_atom: PyReadonlyArray1<f64>,
        forces: PyReadonlyArray2<f64>,
        stress: PyReadonlyArray2<f64>,
        weights: PyReadonlyArray2<f64>,
    ) -> PyResult<Self> {
        let n = energy_per_atom.len();
        if stress.shape() != [n, 6] {
            return Err(wrong_shape("stress", &format!("({n}, 6)"), stress.shape()));
        }
        if weights.shape() != [n, 3] {
            return Err(wrong_shape(
                "weights",
                &format!("({n}, 3)"),
                weights.shape(),
            ));
        }
        let six = |row: numpy::ndarray::ArrayView1<f64>| std::array::from_fn(|k| row[k]);
        Ok(Self {
            energy_per_atom: energy_per_atom.as_array().to_vec(),
            forces: forces.as_array().iter().copied().collect(),
            stress: stress.as_array().rows().into_iter().map(six).collect(),
            weights: weights
                .as_array()
                .rows()
                .into_iter()
                .map(|row| Weights {
                    energy: row[0],
                    forces: row[1],
                    stress: row[2],
                })
                .collect(),
        })
    }
}

impl Labels {
    fn samples<'a>(&'a self, structures: &[&'a Structure]) -> PyResult<Vec<Sample<'a>>> {
        let atoms: usize = structures.iter().map(|s| s.n_atoms()).sum();
        if structures.len() != self.weights.len() || self.forces.len() != 3 * atoms {
            return Err(wrong_shape(
                "structures",
                &format!(
                    "{} with {} atoms",
                    self.weights.len(),
                    self.forces.len() / 3
                ),
                &[structures.len(), atoms],
            ));
        }
        let mut start = 0;
        Ok(structures
            .iter()
            .enumerate()
            .map(|(k, structure)| {
                let end = start + 3 * structure.n_atoms();
                let targets = Targets {
                    energy_per_atom: self.energy_per_atom[k],
                    forces: &self.forces[start..end],
                    stress: self.stress[k],
                };
                start = end;
                Sample {
                    structure,
                    targets,
                    weights: self.weights[k],
                }
            })
            .collect())
    }
}

/// Design rows of a basis that stay in memory, as many as fit `most_bytes`.
#[pyclass(name = "HeldRows", frozen, module = "mlip_rs._core")]
pub struct PyHeldRows {
    basis: Arc<Basis>,
    rows: HeldRows,
}

#[pymethods]
impl PyHeldRows {
    #[new]
    fn new(basis: &PyBasis, most_bytes: usize) -> Self {
        Self {
            basis: Arc::clone(&basis.0),
            rows: HeldRows::new(most_bytes),
        }
    }

    /// Bytes of the rows that are held.
    #[getter]
    fn bytes(&self) -> usize {
        self.rows.bytes()
    }
}

/// The rows, if they are of this basis.
fn rows_of<'a>(held: Option<&'a PyHeldRows>, basis: &PyBasis) -> PyResult<Option<&'a HeldRows>> {
    match held {
        Some(held) if !Arc::ptr_eq(&held.basis, &basis.0) => {
            Err(wrong_argument("held: rows of another basis".into()))
        }
        other => Ok(other.map(|held| &held.rows)),
    }
}

/// Add structures to the equations `gram` (G, F, F) and `moment` (G, F): of energy, forces and stress, or one sum.
///
/// Returns (yᵀWy, number of rows) of each. Only lower triangles are updated; finish with `symmetrize`. F is the number
/// of features, or of those in `columns`. Rows in `held` are not computed.
#[pyfunction]
#[pyo3(signature = (basis, structures, labels, gram, moment, threads = 0, columns = None, held = None))]
#[expect(clippy::too_many_arguments, reason = "a Python signature")]
pub fn accumulate(
    py: Python<'_>,
    basis: &PyBasis,
    structures: Vec<PyRef<PyStructure>>,
    labels: &Labels,
    mut gram: PyReadwriteArray3<f64>,
    mut moment: PyReadwriteArray2<f64>,
    threads: usize,
    columns: Option<Vec<usize>>,
    held: Option<PyRef<PyHeldRows>>,
) -> PyResult<Vec<(f64, u64)>> {
    let n_features = basis.0.n_features();
    if let Some(own) = &columns {
        let ascending = own.windows(2).all(|pair| pair[0] < pair[1]);
        if own.is_empty() || !ascending || own.last().is_some_and(|&last| last >= n_features) {
            return Err(wrong_argument(format!(
                "columns: must be some ascending numbers below {n_features}, the number of features"
            )));
        }
    }
    let n = columns.as_ref().map_or(n_features, Vec::len);
    let n_groups = if gram.shape()[0] == 1 { 1 } else { 3 };
    if gram.shape() != [n_groups, n, n] {
        let expected = format!("(3, {n}, {n}) or (1, {n}, {n})");
        return Err(wrong_shape("gram", &expected, gram.shape()));
    }
    if moment.shape() != [n_groups, n] {
        let expected = format!("({n_groups}, {n})");
        return Err(wrong_shape("moment", &expected, moment.shape()));
    }
    let structures: Vec<&Structure> = structures.iter().map(|s| &s.0).collect();
    let samples = labels.samples(&structures)?;
    let mut grams = gram.as_slice_mut()?.chunks_exact_mut(n * n);
    let mut moments = moment.as_slice_mut()?.chunks_exact_mut(n);
    let mut next = || match (grams.next(), moments.next()) {
        (Some(gram), Some(moment)) => Ok(NormalEquations {
            gram,
            moment,
            yty: 0.0,
            n_rows: 0,
        }),
        _ => Err(wrong_shape("gram", "at least one feature", &[n])),
    };
    let mut equations = if n_groups == 1 {
        Equations::Summed(next()?)
    } else {
        Equations::ByProperty([next()?, next()?, next()?])
    };
    let held = rows_of(held.as_deref(), basis)?;
    let basis = &basis.0;
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    py.detach(|| {
        pool.install(|| {
            normal::accumulate(basis, &samples, &mut equations, columns.as_deref(), held)
        })
    })
    .map_err(at_index)?;
    Ok(equations
        .groups()
        .iter()
        .map(|e| (e.yty, e.n_rows))
        .collect())
}

/// Copy the lower triangle of a square matrix (F, F) to its upper one, in place.
#[pyfunction]
#[pyo3(signature = (gram, threads = 0))]
pub fn symmetrize(
    py: Python<'_>,
    mut gram: PyReadwriteArray2<f64>,
    threads: usize,
) -> PyResult<()> {
    let n = gram.shape()[0];
    if gram.shape() != [n, n] {
        return Err(wrong_shape("gram", "square", gram.shape()));
    }
    let slice = gram.as_slice_mut()?;
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    py.detach(|| pool.install(|| mirror_lower(slice, n)));
    Ok(())
}

/// Predictions of coefficient vectors (F, P): per structure (1 + 3N + 6, P), energy relative to the reference.
#[pyfunction]
#[pyo3(signature = (basis, structures, coefficients, threads = 0, held = None))]
pub fn predict<'py>(
    py: Python<'py>,
    basis: &PyBasis,
    structures: Vec<PyRef<PyStructure>>,
    coefficients: PyReadonlyArray2<f64>,
    threads: usize,
    held: Option<PyRef<PyHeldRows>>,
) -> PyResult<Vec<Bound<'py, PyArray2<f64>>>> {
    let (n, p) = (coefficients.shape()[0], coefficients.shape()[1]);
    if n != basis.0.n_features() {
        return Err(wrong_shape(
            "coefficients",
            &format!("({}, P)", basis.0.n_features()),
            &[n, p],
        ));
    }
    let structures: Vec<&Structure> = structures.iter().map(|s| &s.0).collect();
    let coefficients = coefficients.as_slice()?;
    let held = rows_of(held.as_deref(), basis)?;
    let basis = &basis.0;
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    let results = py
        .detach(|| pool.install(|| normal::predict(basis, &structures, coefficients, held)))
        .map_err(at_index)?;
    results
        .into_iter()
        .zip(structures)
        .map(|(values, structure)| {
            let rows = 7 + 3 * structure.n_atoms();
            values.into_pyarray(py).reshape([rows, p])
        })
        .collect()
}
