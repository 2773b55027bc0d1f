//! Core errors become the exceptions of `mlip_rs.errors`.

use mlip_rs::error::Kind;
use pyo3::PyErr;

mod exceptions {
    pyo3::import_exception!(mlip_rs.errors, StructureError);
    pyo3::import_exception!(mlip_rs.errors, ConfigError);
    pyo3::import_exception!(mlip_rs.errors, FitError);
    pyo3::import_exception!(mlip_rs.errors, PotentialFileError);
}

/// A core error on its way to Python; `?` converts into it and from it.
pub struct CoreError(mlip_rs::Error);

impl From<mlip_rs::Error> for CoreError {
    fn from(error: mlip_rs::Error) -> Self {
        Self(error)
    }
}

impl From<CoreError> for PyErr {
    fn from(CoreError(error): CoreError) -> Self {
        let message = error.to_string();
        match error.kind() {
            Kind::Structure => exceptions::StructureError::new_err(message),
            Kind::Config => exceptions::ConfigError::new_err(message),
            Kind::Regression => exceptions::FitError::new_err(message),
            Kind::PotentialFile => exceptions::PotentialFileError::new_err(message),
        }
    }
}

/// An error in the k-th structure of a list: the index travels as the second argument of the exception.
pub fn at_index((index, error): (usize, mlip_rs::Error)) -> PyErr {
    let message = error.to_string();
    match error.kind() {
        Kind::Structure => exceptions::StructureError::new_err((message, index)),
        _ => CoreError(error).into(),
    }
}

/// A ConfigError for an argument of the wrong shape.
pub fn wrong_shape(what: &str, expected: &str, got: &[usize]) -> PyErr {
    wrong_argument(format!("{what}: expected shape {expected}, got {got:?}"))
}

/// A ConfigError.
pub fn wrong_argument(message: String) -> PyErr {
    exceptions::ConfigError::new_err(message)
}
