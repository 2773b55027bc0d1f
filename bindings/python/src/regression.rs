//! `solve_ridge`, `solve_ridge_in_place`, `elastic_net_path`.

use crate::errors::CoreError;
use mlip_rs::regression::{ElasticNet, Factored, solve_positive_each, solve_positive_in_place};
use mlip_rs::{Error, parallel};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyReadwriteArray2,
};
use pyo3::prelude::*;

/// Two solutions, or None if there are none.
type Adjoint<'py> = Option<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>)>;

/// One solution, or None if there is none.
type Solution<'py> = Option<Bound<'py, PyArray1<f64>>>;

/// Solve (G_SS + diag(d_S)) w_S = b_S for each penalty vector d; gives None where the matrix is not positive definite.
///
/// `gram` (F, F), `moment` (F,), `penalties` (K, F), `support` sorted indices or None; each solution is (|S|,).
#[pyfunction]
#[pyo3(signature = (gram, moment, penalties, support = None, threads = 0))]
pub fn solve_ridge<'py>(
    py: Python<'py>,
    gram: PyReadonlyArray2<f64>,
    moment: PyReadonlyArray1<f64>,
    penalties: PyReadonlyArray2<f64>,
    support: Option<Vec<usize>>,
    threads: usize,
) -> PyResult<Vec<Solution<'py>>> {
    let (gram, moment) = (gram.as_slice()?, moment.as_slice()?);
    let penalties = rows(&penalties);
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    let solutions = py.detach(|| {
        pool.install(|| solve_positive_each(gram, &penalties, moment, support.as_deref()))
    });
    solutions
        .into_iter()
        .map(|solution| unless_singular(py, solution))
        .collect()
}

/// `solve_ridge` on all features without a copy of `gram`, which is work space and comes back unchanged.
///
/// Ctrl-C takes effect between two vectors of penalties.
#[pyfunction]
#[pyo3(signature = (gram, moment, penalties, threads = 0))]
pub fn solve_ridge_in_place<'py>(
    py: Python<'py>,
    mut gram: PyReadwriteArray2<f64>,
    moment: PyReadonlyArray1<f64>,
    penalties: PyReadonlyArray2<f64>,
    threads: usize,
) -> PyResult<Vec<Solution<'py>>> {
    let (gram, moment) = (gram.as_slice_mut()?, moment.as_slice()?);
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    let mut solutions = Vec::new();
    for penalty in rows(&penalties) {
        let solution =
            py.detach(|| pool.install(|| solve_positive_in_place(gram, &penalty, moment)));
        solutions.push(unless_singular(py, solution)?);
        py.check_signals()?;
    }
    Ok(solutions)
}

/// Solve (G + diag(d)) w = b and, with the same factorisation, (G + diag(d)) z = seed(w); gives (w, z), or None if the
/// matrix is not positive definite.
///
/// `gram` (F, F) is work space and comes back unchanged, `moment` and `penalties` (F,), `seed` takes and gives (F,).
#[pyfunction]
#[pyo3(signature = (gram, moment, penalties, seed, threads = 0))]
pub fn solve_ridge_adjoint<'py>(
    py: Python<'py>,
    mut gram: PyReadwriteArray2<f64>,
    moment: PyReadonlyArray1<f64>,
    penalties: PyReadonlyArray1<f64>,
    seed: &Bound<'py, PyAny>,
    threads: usize,
) -> PyResult<Adjoint<'py>> {
    let (gram, moment) = (gram.as_slice_mut()?, moment.as_slice()?);
    let penalties = penalties.as_slice()?;
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    let factored = match py.detach(|| pool.install(|| Factored::new(gram, penalties))) {
        Ok(factored) => factored,
        Err(Error::Singular(_)) => return Ok(None),
        Err(error) => return Err(CoreError::from(error).into()),
    };
    let solve = |rhs: &[f64]| unless_singular(py, py.detach(|| factored.solve(rhs)));
    let found = solve(moment).and_then(|w| {
        let Some(w) = w else { return Ok(None) };
        let rhs = seed.call1((&w,))?;
        let rhs: PyReadonlyArray1<f64> = rhs.extract()?;
        Ok(solve(rhs.as_slice()?)?.map(|z| (w, z)))
    });
    py.detach(|| pool.install(|| drop(factored)));
    found
}

fn rows(matrix: &PyReadonlyArray2<f64>) -> Vec<Vec<f64>> {
    let rows = matrix.as_array();
    rows.rows().into_iter().map(|row| row.to_vec()).collect()
}

fn unless_singular(py: Python<'_>, solution: mlip_rs::Result<Vec<f64>>) -> PyResult<Solution<'_>> {
    match solution {
        Ok(w) => Ok(Some(w.into_pyarray(py))),
        Err(Error::Singular(_)) => Ok(None),
        Err(error) => Err(CoreError::from(error).into()),
    }
}

/// Minimise ½ wᵀGw − bᵀw + λ Σ p|w| + ½ Σ q w² along decreasing λ; gives the coefficients (L, F) and the largest
/// relative violation of the optimality conditions.
///
/// `progress(k, n_active)` is called after each λ and may raise; it stops the path early by returning False.
/// The path also ends where `max_active` features are in.
#[pyfunction]
#[pyo3(signature = (gram, moment, l1, l2, lambdas, tolerance, max_active, progress = None, threads = 0))]
#[allow(clippy::too_many_arguments)] // The problem is four arrays; a struct would only rename the keywords.
pub fn elastic_net_path<'py>(
    py: Python<'py>,
    gram: PyReadonlyArray2<f64>,
    moment: PyReadonlyArray1<f64>,
    l1: PyReadonlyArray1<f64>,
    l2: PyReadonlyArray1<f64>,
    lambdas: Vec<f64>,
    tolerance: f64,
    max_active: usize,
    progress: Option<Bound<'py, PyAny>>,
    threads: usize,
) -> PyResult<(Bound<'py, PyArray2<f64>>, f64)> {
    let (gram, moment) = (gram.as_slice()?, moment.as_slice()?);
    let (l1, l2) = (l1.as_slice()?, l2.as_slice()?);
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    let mut net = py
        .detach(|| pool.install(|| ElasticNet::new(gram, moment, l1, l2)))
        .map_err(CoreError::from)?;
    let (mut coefficients, mut violation) = (Vec::new(), 0.0_f64);
    for (k, &lambda) in lambdas.iter().enumerate() {
        let solution = py
            .detach(|| pool.install(|| net.step(lambda, tolerance, max_active)))
            .map_err(CoreError::from)?;
        py.check_signals()?;
        if !solution.reached {
            break;
        }
        coefficients.extend_from_slice(&solution.coefficients);
        violation = violation.max(solution.kkt_violation);
        if let Some(progress) = &progress
            && progress
                .call1((k, solution.n_active))?
                .extract::<bool>()
                .is_ok_and(|go_on| !go_on)
        {
            break;
        }
    }
    let rows = coefficients.len() / moment.len().max(1);
    Ok((
        coefficients
            .into_pyarray(py)
            .reshape([rows, moment.len()])?,
        violation,
    ))
}

/// Smallest λ at which every penalised coefficient is zero.
#[pyfunction]
pub fn lambda_max(
    py: Python<'_>,
    gram: PyReadonlyArray2<f64>,
    moment: PyReadonlyArray1<f64>,
    l1: PyReadonlyArray1<f64>,
    l2: PyReadonlyArray1<f64>,
) -> PyResult<f64> {
    let (gram, moment, l1, l2) = (
        gram.as_slice()?,
        moment.as_slice()?,
        l1.as_slice()?,
        l2.as_slice()?,
    );
    // The checks of a problem are parallel; outside of a pool of ours they would take the global one.
    let pool = parallel::pool(0).map_err(CoreError::from)?;
    let net = py
        .detach(|| pool.install(|| ElasticNet::new(gram, moment, l1, l2)))
        .map_err(CoreError::from)?;
    Ok(net.lambda_max())
}
