//! `langevin`.

use crate::errors::{CoreError, wrong_shape};
use crate::potential::PyPotential;
use crate::structure::{PyStructure, rows_of_three};
use mlip_rs::parallel;
use mlip_rs::potential::langevin::{Langevin, Start};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;

/// Energies (K,), temperatures (K,), and last positions (N, 3).
type CourseArrays<'py> = (
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray2<f64>>,
);

/// Follow structures by Langevin dynamics, parallel over structures.
#[pyfunction]
#[pyo3(signature = (potential, structures, floors, noises, step, thermal_energy, friction, longest_step, threads = 0))]
#[allow(clippy::too_many_arguments)] // the signature of Python
pub fn langevin<'py>(
    py: Python<'py>,
    potential: &PyPotential,
    structures: Vec<PyRef<PyStructure>>,
    floors: Vec<f64>,
    noises: Vec<PyReadonlyArray2<f64>>,
    step: f64,
    thermal_energy: f64,
    friction: f64,
    longest_step: f64,
    threads: usize,
) -> PyResult<Vec<CourseArrays<'py>>> {
    let noises: Vec<Vec<[f64; 3]>> = noises.iter().map(rows_of_three).collect::<PyResult<_>>()?;
    let starts: Vec<Start> = structures
        .iter()
        .zip(&floors)
        .zip(&noises)
        .map(|((structure, &floor), noise)| Start {
            structure: &structure.0,
            floor,
            noise,
        })
        .collect();
    if starts.len() != structures.len() || floors.len() != noises.len() {
        return Err(wrong_shape(
            "floors and noises",
            "one for each structure",
            &[floors.len()],
        ));
    }
    let settings = Langevin {
        step,
        thermal_energy,
        friction,
        longest_step,
    };
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    let follow = || pool.install(|| settings.follow(&potential.0, &starts));
    let courses = py.detach(follow).map_err(CoreError::from)?;
    courses
        .into_iter()
        .map(|course| {
            let n_atoms = course.positions.len();
            Ok((
                course.energies.into_pyarray(py),
                course.temperatures.into_pyarray(py),
                course
                    .positions
                    .into_flattened()
                    .into_pyarray(py)
                    .reshape([n_atoms, 3])?,
            ))
        })
        .collect()
}
