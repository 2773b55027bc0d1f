//! `Basis`: the specification as JSON, its features, its design rows.

use crate::errors::CoreError;
use crate::structure::PyStructure;
use mlip_rs::basis::Basis;
use mlip_rs::basis::spec::BasisSpec;
use mlip_rs::fit::features::atomic_features;
use mlip_rs::fit::normal::unweighted_rows;
use mlip_rs::parallel;
use mlip_rs::potential::compiled;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use std::sync::Arc;

type Integers<'py> = Bound<'py, PyArray1<i64>>;
type Requirements<'py> = (
    Vec<&'static str>,
    Bound<'py, PyArray1<f64>>,
    Integers<'py>,
    Bound<'py, PyArray2<f64>>,
    Integers<'py>,
    Integers<'py>,
);

/// A validated basis.
#[pyclass(name = "Basis", frozen, module = "mlip_rs._core")]
pub struct PyBasis(pub Arc<Basis>);

#[pymethods]
impl PyBasis {
    #[new]
    fn new(py: Python<'_>, spec: &str) -> PyResult<Self> {
        let spec = BasisSpec::from_json(spec).map_err(CoreError::from)?;
        let basis = py.detach(|| Basis::new(spec));
        Ok(Self(Arc::new(basis.map_err(CoreError::from)?)))
    }

    /// The specification as JSON, of version 2.
    #[getter]
    fn spec(&self) -> PyResult<String> {
        serde_json::to_string(self.0.spec())
            .map_err(|e| pyo3::exceptions::PyValueError::new_err(e.to_string()))
    }

    #[getter]
    fn elements(&self) -> Vec<String> {
        self.0.spec().elements.clone()
    }

    #[getter]
    fn cutoff(&self) -> f64 {
        self.0.cutoff()
    }

    #[getter]
    fn hierarchy(&self) -> &'static str {
        self.0.spec().hierarchy()
    }

    #[getter]
    fn n_features(&self) -> usize {
        self.0.n_features()
    }

    #[getter]
    fn features_per_center(&self) -> usize {
        self.0.features_per_center()
    }

    #[getter]
    fn n_invariants(&self) -> usize {
        self.0.invariants().len()
    }

    /// Labels of the features of one centre, in order.
    fn labels(&self) -> Vec<String> {
        self.0.labels()
    }

    /// Total degree of each feature of one centre.
    fn degrees(&self) -> Vec<usize> {
        self.0.degrees()
    }

    /// Degree, order, sum of l, largest order of an invariant, and sum of n of each feature of one centre, (F, 5).
    fn feature_degrees<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        let rows = self.0.feature_degrees();
        let flat: Vec<i64> = rows
            .iter()
            .flat_map(|m| [m.degree, m.order, m.sum_l, m.max_order, m.sum_n])
            .map(|n| n as i64)
            .collect();
        flat.into_pyarray(py).reshape([rows.len(), 5])
    }

    /// Requirements of the features of one centre in the compiled evaluator: name of the unit, amount, species (I,)
    /// and shell of neighbours (I, 2) of each item, and the items of feature k as `items[starts[k]:starts[k + 1]]`.
    fn requirements<'py>(&self, py: Python<'py>) -> PyResult<Requirements<'py>> {
        let found = py.detach(|| compiled::Requirements::new(&self.0));
        let units = found.kinds.iter().map(|kind| kind.unit()).collect();
        let amounts = found
            .amounts
            .iter()
            .map(|n| f64::from(*n))
            .collect::<Vec<_>>();
        let integers =
            |values: Vec<usize>| -> Vec<i64> { values.into_iter().map(|n| n as i64).collect() };
        let n_items = found.shells.len();
        let shells = found.shells.into_flattened();
        Ok((
            units,
            amounts.into_pyarray(py),
            integers(found.species).into_pyarray(py),
            shells.into_pyarray(py).reshape([n_items, 2])?,
            integers(found.starts).into_pyarray(py),
            integers(found.items).into_pyarray(py),
        ))
    }

    /// Group of each feature of one centre that the evaluator pays for together, (F,).
    fn groups<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        let groups: Vec<i64> = self.0.groups().into_iter().map(|g| g as i64).collect();
        groups.into_pyarray(py)
    }

    /// Design rows (1 + 3N + 6, F): energy, forces, stress.
    fn design<'py>(
        &self,
        py: Python<'py>,
        structure: &PyStructure,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        // The neighbour list of a large structure is parallel; outside of a pool of ours it would take the global one.
        let pool = parallel::pool(0).map_err(CoreError::from)?;
        let rows = py
            .detach(|| pool.install(|| unweighted_rows(&self.0, &structure.0)))
            .map_err(CoreError::from)?;
        rows.into_pyarray(py)
            .reshape([7 + 3 * structure.0.n_atoms(), self.0.n_features()])
    }

    /// Features of every atom (N, features per centre), those of its own element, without the switching of the repulsion.
    fn features<'py>(
        &self,
        py: Python<'py>,
        structure: &PyStructure,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let pool = parallel::pool(0).map_err(CoreError::from)?;
        let rows = py
            .detach(|| pool.install(|| atomic_features(&self.0, &structure.0)))
            .map_err(CoreError::from)?;
        rows.into_pyarray(py)
            .reshape([structure.0.n_atoms(), self.0.features_per_center()])
    }
}
