//! `Potential` and `Evaluator`.

use crate::basis::PyBasis;
use crate::errors::{CoreError, at_index};
use crate::structure::{PyStructure, structure};
use mlip_rs::basis::Basis;
use mlip_rs::basis::spec::BasisSpec;
use mlip_rs::potential::anomaly::AnomalyIndex;
use mlip_rs::potential::compiled::NeighborWork;
use mlip_rs::potential::{self, Evaluation, Potential};
use mlip_rs::{Error, NeighborList, Structure, parallel};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, ToPyArray,
};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::sync::Arc;

type Results<'py> = (
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray2<f64>>,
);

/// A basis, or its specification as JSON.
#[derive(FromPyObject)]
enum BasisOrSpec<'py> {
    Basis(PyRef<'py, PyBasis>),
    Spec(String),
}

impl BasisOrSpec<'_> {
    fn basis(&self) -> mlip_rs::Result<Arc<Basis>> {
        match self {
            Self::Basis(basis) => Ok(Arc::clone(&basis.0)),
            Self::Spec(spec) => Ok(Arc::new(Basis::new(BasisSpec::from_json(spec)?)?)),
        }
    }
}

fn info_from_json(text: &str) -> mlip_rs::Result<serde_json::Value> {
    serde_json::from_str(text).map_err(|e| Error::PotentialFile(format!("info: {e}")))
}

/// A fitted potential.
#[pyclass(name = "Potential", frozen, module = "mlip_rs._core")]
pub struct PyPotential(pub Arc<Potential>);

#[pymethods]
impl PyPotential {
    /// Read the text of a potential file.
    #[staticmethod]
    fn from_json(py: Python<'_>, text: &str) -> PyResult<Self> {
        Ok(Self(Arc::new(
            py.detach(|| Potential::from_json(text))
                .map_err(CoreError::from)?,
        )))
    }

    /// Assemble from a basis or its specification (JSON), dense coefficients (F,), reference energies per element (eV) and
    /// metadata (JSON).
    #[staticmethod]
    fn from_coefficients(
        py: Python<'_>,
        basis: BasisOrSpec,
        coefficients: PyReadonlyArray1<f64>,
        reference_energies: Vec<f64>,
        info: &str,
    ) -> PyResult<Self> {
        let basis = basis.basis().map_err(CoreError::from)?;
        let info = info_from_json(info).map_err(CoreError::from)?;
        let coefficients = coefficients.as_array().to_vec();
        let potential =
            py.detach(|| Potential::on_basis(basis, &coefficients, &reference_energies, info));
        Ok(Self(Arc::new(potential.map_err(CoreError::from)?)))
    }

    /// The text of the potential file.
    fn to_json(&self) -> PyResult<String> {
        Ok(self.0.to_json().map_err(CoreError::from)?)
    }

    /// The same potential with other metadata (JSON).
    fn with_info(&self, info: &str) -> PyResult<Self> {
        let info = info_from_json(info).map_err(CoreError::from)?;
        Ok(Self(Arc::new(self.0.with_info(info))))
    }

    /// The same potential with an index of anomaly (JSON).
    fn with_index(&self, py: Python<'_>, index: &str) -> PyResult<Self> {
        let index = AnomalyIndex::from_json(index).map_err(CoreError::from)?;
        let potential = py.detach(|| self.0.with_index(index));
        Ok(Self(Arc::new(potential.map_err(CoreError::from)?)))
    }

    /// The index of anomaly as JSON, or None.
    #[getter]
    fn index(&self) -> PyResult<Option<String>> {
        let index = self.0.index().map(AnomalyIndex::to_json).transpose();
        Ok(index.map_err(CoreError::from)?)
    }

    /// SHA-256 of the content of the potential file.
    #[getter]
    fn checksum(&self) -> PyResult<&str> {
        Ok(self.0.checksum().map_err(CoreError::from)?)
    }

    /// The basis of the features.
    #[getter]
    fn basis(&self) -> PyBasis {
        PyBasis(Arc::clone(self.0.basis()))
    }

    /// The basis specification as JSON.
    #[getter]
    fn spec(&self) -> PyResult<String> {
        serde_json::to_string(self.0.basis().spec())
            .map_err(|e| pyo3::exceptions::PyValueError::new_err(e.to_string()))
    }

    /// Metadata as JSON.
    #[getter]
    fn info(&self) -> String {
        self.0.info().to_string()
    }

    #[getter]
    fn elements(&self) -> Vec<String> {
        self.0.basis().spec().elements.clone()
    }

    #[getter]
    fn cutoff(&self) -> f64 {
        self.0.cutoff()
    }

    #[getter]
    fn hierarchy(&self) -> &'static str {
        self.0.basis().spec().hierarchy()
    }

    #[getter]
    fn n_features(&self) -> usize {
        self.0.basis().n_features()
    }

    #[getter]
    fn n_nonzero(&self) -> usize {
        self.0.n_nonzero()
    }

    /// Isolated-atom energies by element, eV.
    #[getter]
    fn reference_energies(&self) -> Vec<(String, f64)> {
        self.0
            .centers()
            .iter()
            .map(|c| (c.element.clone(), c.reference_energy))
            .collect()
    }

    /// Non-zero coefficients of a centre element by feature label.
    fn coefficients(&self, element: &str) -> Vec<(String, f64)> {
        let center = self.0.centers().iter().filter(|c| c.element == element);
        center
            .flat_map(|c| c.features.iter().map(|(label, w)| (label.clone(), *w)))
            .collect()
    }

    /// What the compiled evaluator does for each centre element, as JSON: columns, sums, largest l, tables, graph, work.
    fn plans(&self) -> String {
        let plans = self.0.plans().iter().zip(self.0.centers());
        let plans = plans.map(|(plan, center)| {
            let (size, work) = (plan.size(), plan.work());
            let by_species = |of: fn(&NeighborWork) -> f64| -> Vec<f64> {
                work.neighbors.iter().map(of).collect()
            };
            serde_json::json!({
                "element": center.element,
                "columns": size.columns,
                "sums": size.sums,
                "max_l": size.max_l,
                "cutoff": size.cutoff,
                "inner_cutoffs": size.inner_cutoffs,
                "outer_columns": size.outer_columns,
                "table_bytes": size.table_bytes,
                "nodes": size.graph.nodes,
                "rows": size.graph.rows,
                "terms": size.graph.terms,
                "multiply_adds": {
                    "tables": by_species(|w| w.tables),
                    "outer": by_species(|w| w.outer),
                    "harmonics": by_species(|w| w.harmonics),
                    "products": by_species(|w| w.products),
                    "graph": work.graph,
                },
            })
        });
        serde_json::Value::Array(plans.collect()).to_string()
    }

    /// Energies (N,), forces (N, 3) and virials (N, 6) by the reference evaluator, the oracle of the compiled one.
    #[pyo3(signature = (structure, threads = 0))]
    fn evaluate_reference<'py>(
        &self,
        py: Python<'py>,
        structure: PyRef<PyStructure>,
        threads: usize,
    ) -> PyResult<Results<'py>> {
        let (potential, structure) = (&*self.0, &structure.0);
        let pool = parallel::pool(threads).map_err(CoreError::from)?;
        let run = || {
            let list = NeighborList::new(structure, potential.cutoff())?;
            potential.evaluate_reference(structure, &list)
        };
        let evaluation = py.detach(|| pool.install(run)).map_err(CoreError::from)?;
        to_python(py, evaluation)
    }

    /// Energies (N,), forces (N, 3) and virials (N, 6) of each structure, parallel over structures.
    #[pyo3(signature = (structures, threads = 0))]
    fn evaluate_many<'py>(
        &self,
        py: Python<'py>,
        structures: Vec<PyRef<PyStructure>>,
        threads: usize,
    ) -> PyResult<Vec<Results<'py>>> {
        let structures: Vec<&Structure> = structures.iter().map(|s| &s.0).collect();
        let potential = &*self.0;
        let pool = parallel::pool(threads).map_err(CoreError::from)?;
        let results = py
            .detach(|| pool.install(|| potential.evaluate_many(&structures)))
            .map_err(at_index)?;
        results
            .into_iter()
            .map(|evaluation| to_python(py, evaluation))
            .collect()
    }

    /// The index of anomaly (N,) of the atoms of each structure, parallel over structures.
    #[pyo3(signature = (structures, threads = 0))]
    fn index_many<'py>(
        &self,
        py: Python<'py>,
        structures: Vec<PyRef<PyStructure>>,
        threads: usize,
    ) -> PyResult<Vec<Bound<'py, PyArray1<f64>>>> {
        let structures: Vec<&Structure> = structures.iter().map(|s| &s.0).collect();
        let potential = &*self.0;
        let pool = parallel::pool(threads).map_err(CoreError::from)?;
        let results = py
            .detach(|| pool.install(|| potential.index_of_many(&structures)))
            .map_err(at_index)?;
        Ok(results.into_iter().map(|i| i.into_pyarray(py)).collect())
    }
}

/// A potential with a neighbour list that is kept from call to call.
#[pyclass(frozen, module = "mlip_rs._core")]
pub struct Evaluator(potential::Evaluator);

#[pymethods]
impl Evaluator {
    /// `skin` in Å; `threads` = 0 takes the default.
    #[new]
    #[pyo3(signature = (potential, skin = 0.5, threads = 0))]
    fn new(potential: &PyPotential, skin: f64, threads: usize) -> PyResult<Self> {
        let evaluator = potential::Evaluator::new(Arc::clone(&potential.0), skin, threads);
        Ok(Self(evaluator.map_err(CoreError::from)?))
    }

    /// Energies (N,), forces (N, 3), virials (N, 6), and the sum of the virials (6,); with `index` the index of anomaly (N,)
    /// as well.
    #[pyo3(signature = (numbers, positions, cell, pbc, index = false))]
    fn compute<'py>(
        &self,
        py: Python<'py>,
        numbers: PyReadonlyArray1<u8>,
        positions: PyReadonlyArray2<f64>,
        cell: PyReadonlyArray2<f64>,
        pbc: [bool; 3],
        index: bool,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let structure = structure(&numbers, &positions, &cell, pbc)?;
        let evaluate = || {
            let (evaluation, index) = if index {
                let (evaluation, index) = self.0.evaluate_with_index(&structure)?;
                (evaluation, Some(index))
            } else {
                (self.0.evaluate(&structure)?, None)
            };
            let virial = evaluation.virial();
            Ok::<_, Error>((evaluation, virial, index))
        };
        let (evaluation, virial, index) = py.detach(evaluate).map_err(CoreError::from)?;
        let (energies, forces, virials) = to_python(py, evaluation)?;
        let virial = virial.to_pyarray(py);
        match index {
            None => (energies, forces, virials, virial).into_pyobject(py),
            Some(index) => {
                (energies, forces, virials, virial, index.into_pyarray(py)).into_pyobject(py)
            }
        }
    }

    /// How often the neighbour list was built.
    #[getter]
    fn n_builds(&self) -> usize {
        self.0.n_builds()
    }
}

fn to_python(py: Python<'_>, evaluation: Evaluation) -> PyResult<Results<'_>> {
    let n = evaluation.energies.len();
    Ok((
        evaluation.energies.into_pyarray(py),
        evaluation
            .forces
            .into_flattened()
            .into_pyarray(py)
            .reshape([n, 3])?,
        evaluation
            .virials
            .into_flattened()
            .into_pyarray(py)
            .reshape([n, 6])?,
    ))
}
