//! `Structure`, `neighbor_list`.

use crate::errors::{CoreError, wrong_shape};
use mlip_rs::{Cell, NeighborList, Structure, parallel};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;

/// Atomic numbers, positions and cell, validated once.
#[pyclass(name = "Structure", frozen, module = "mlip_rs._core")]
pub struct PyStructure(pub Structure);

#[pymethods]
impl PyStructure {
    #[new]
    fn new(
        numbers: PyReadonlyArray1<u8>,
        positions: PyReadonlyArray2<f64>,
        cell: PyReadonlyArray2<f64>,
        pbc: [bool; 3],
    ) -> PyResult<Self> {
        Ok(Self(structure(&numbers, &positions, &cell, pbc)?))
    }

    fn __len__(&self) -> usize {
        self.0.n_atoms()
    }

    /// Volume of the cell in Å³; zero if it has none.
    #[getter]
    fn volume(&self) -> f64 {
        self.0.cell().volume()
    }
}

/// Copy NumPy arrays into a validated structure.
pub fn structure(
    numbers: &PyReadonlyArray1<u8>,
    positions: &PyReadonlyArray2<f64>,
    cell: &PyReadonlyArray2<f64>,
    pbc: [bool; 3],
) -> PyResult<Structure> {
    if positions.shape()[1] != 3 {
        return Err(wrong_shape("positions", "(N, 3)", positions.shape()));
    }
    if cell.shape() != [3, 3] {
        return Err(wrong_shape("cell", "(3, 3)", cell.shape()));
    }
    let vectors = rows(cell);
    let cell = Cell::new([vectors[0], vectors[1], vectors[2]], pbc).map_err(CoreError::from)?;
    let numbers = numbers.as_array().iter().copied().collect();
    Ok(Structure::new(cell, rows(positions), numbers).map_err(CoreError::from)?)
}

/// Rows of an array (N, 3).
pub fn rows_of_three(array: &PyReadonlyArray2<f64>) -> PyResult<Vec<[f64; 3]>> {
    if array.shape()[1] != 3 {
        return Err(wrong_shape("array", "(N, 3)", array.shape()));
    }
    Ok(rows(array))
}

fn rows(array: &PyReadonlyArray2<f64>) -> Vec<[f64; 3]> {
    array
        .as_array()
        .rows()
        .into_iter()
        .map(|row| [row[0], row[1], row[2]])
        .collect()
}

type Pairs<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray2<i32>>,
    Bound<'py, PyArray2<f64>>,
);

/// All pairs within the cutoff: i, j, S and r_ij = r_j + S·H − r_i.
#[pyfunction]
#[pyo3(signature = (structure, cutoff, threads = 0))]
pub fn neighbor_list<'py>(
    py: Python<'py>,
    structure: &PyStructure,
    cutoff: f64,
    threads: usize,
) -> PyResult<Pairs<'py>> {
    let structure = &structure.0;
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    let list = py
        .detach(|| pool.install(|| NeighborList::new(structure, cutoff)))
        .map_err(CoreError::from)?;
    let n = list.n_pairs();
    let (mut first, mut second) = (Vec::with_capacity(n), Vec::with_capacity(n));
    let (mut shifts, mut vectors) = (Vec::with_capacity(3 * n), Vec::with_capacity(3 * n));
    let frame = list.frame(structure);
    for i in 0..list.n_atoms() {
        for (k, &pair) in list.row(i).iter().enumerate() {
            first.push(i as i64);
            second.push(i64::from(pair.neighbor));
            shifts.extend(list.shift(i, k));
            vectors.extend(frame.displacement(i, pair));
        }
    }
    Ok((
        first.into_pyarray(py),
        second.into_pyarray(py),
        shifts.into_pyarray(py).reshape([n, 3])?,
        vectors.into_pyarray(py).reshape([n, 3])?,
    ))
}
