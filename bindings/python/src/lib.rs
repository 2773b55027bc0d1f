//! The extension module `mlip_rs._core`: converts, releases the interpreter, calls the core, converts back.

// Arguments arrive by value from the interpreter; `#[pymethods]` cannot take them otherwise.
#![allow(clippy::needless_pass_by_value)]
// Docstrings for Python stand in `_core.pyi`; getters repeat the names of the fields.
#![allow(missing_docs)]

mod basis;
mod equations;
mod errors;
mod langevin;
mod potential;
mod regression;
mod structure;

use pyo3::prelude::*;

/// The compiled core of `mlip_rs`.
#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add_class::<structure::PyStructure>()?;
    m.add_class::<basis::PyBasis>()?;
    m.add_class::<equations::Labels>()?;
    m.add_class::<equations::PyHeldRows>()?;
    m.add_class::<potential::PyPotential>()?;
    m.add_class::<potential::Evaluator>()?;
    m.add_function(wrap_pyfunction!(structure::neighbor_list, m)?)?;
    m.add_function(wrap_pyfunction!(langevin::langevin, m)?)?;
    m.add_function(wrap_pyfunction!(equations::accumulate, m)?)?;
    m.add_function(wrap_pyfunction!(equations::symmetrize, m)?)?;
    m.add_function(wrap_pyfunction!(equations::predict, m)?)?;
    m.add_function(wrap_pyfunction!(regression::solve_ridge, m)?)?;
    m.add_function(wrap_pyfunction!(regression::solve_ridge_adjoint, m)?)?;
    m.add_function(wrap_pyfunction!(regression::solve_ridge_in_place, m)?)?;
    m.add_function(wrap_pyfunction!(regression::solve_ridge_nested, m)?)?;
    m.add_function(wrap_pyfunction!(regression::elastic_net_path, m)?)?;
    m.add_function(wrap_pyfunction!(regression::lambda_max, m)?)?;
    m.add_function(wrap_pyfunction!(regression::group_lasso_path, m)?)?;
    m.add_function(wrap_pyfunction!(regression::group_lambda_max, m)?)?;
    m.add_function(wrap_pyfunction!(regression::forward_selection, m)?)?;
    m.add_class::<regression::RidgeInverse>()?;
    m.add_function(wrap_pyfunction!(default_threads, m)?)?;
    Ok(())
}

/// Number of threads used where none is given.
#[pyfunction]
fn default_threads() -> usize {
    mlip_rs::parallel::default_threads()
}
