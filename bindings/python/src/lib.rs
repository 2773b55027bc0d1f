//! The extension module `mlip_rs._core`: converts, releases the interpreter, calls the core, converts back.

use pyo3::prelude::*;

/// The compiled core of `mlip_rs`.
#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))
}
