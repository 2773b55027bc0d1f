//! Ridge solves, paths and forward selection.

use crate::errors::CoreError;
use mlip_rs::regression::{
    ElasticNet, Factored, ForwardSelection, GroupLasso, Solution as Step, solve_positive_each,
    solve_positive_in_place, solve_positive_nested,
};
use mlip_rs::{Error, parallel};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyReadwriteArray2, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// One solution and several others, or None if there are none.
type Adjoint<'py> = Option<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>)>;

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

/// `solve_ridge` on the first features of `order` (distinct indices), as many as each of `sizes` says, by one factorisation;
/// None if the matrix of all of them is not positive definite.
///
/// `gram` (F, F), `moment` and `penalties` (F,).
#[pyfunction]
#[pyo3(signature = (gram, moment, penalties, order, sizes, threads = 0))]
pub fn solve_ridge_nested<'py>(
    py: Python<'py>,
    gram: PyReadonlyArray2<f64>,
    moment: PyReadonlyArray1<f64>,
    penalties: PyReadonlyArray1<f64>,
    order: Vec<usize>,
    sizes: Vec<usize>,
    threads: usize,
) -> PyResult<Option<Vec<Bound<'py, PyArray1<f64>>>>> {
    let (gram, moment) = (gram.as_slice()?, moment.as_slice()?);
    let penalties = penalties.as_slice()?;
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    let solve = || solve_positive_nested(gram, penalties, moment, &order, &sizes);
    match py.detach(|| pool.install(solve)) {
        Ok(solutions) => Ok(Some(
            solutions.into_iter().map(|w| w.into_pyarray(py)).collect(),
        )),
        Err(Error::Singular(_)) => Ok(None),
        Err(error) => Err(CoreError::from(error).into()),
    }
}

/// Solve (G + diag(d)) w = b and, with the same factorisation, (G + diag(d)) z = r for each row r of seed(w); gives
/// (w, z), or None if the matrix is not positive definite.
///
/// `gram` (F, F) is work space and comes back unchanged, `moment` and `penalties` (F,), `seed` takes (F,), gives (K, F).
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
    let solve = |rhs: &[f64], count| {
        let solve = || pool.install(|| factored.solve_each(rhs, count));
        unless_singular(py, py.detach(solve))
    };
    let found = solve(moment, 1).and_then(|w| {
        let Some(w) = w else { return Ok(None) };
        let rhs = seed.call1((&w,))?;
        let rhs: PyReadonlyArray2<f64> = rhs.extract()?;
        let (count, length) = (rhs.shape()[0], rhs.shape()[1]);
        // A copy, row after row: `as_slice` would take an array of the other order as it is.
        let rhs: Vec<f64> = rhs.as_array().iter().copied().collect();
        let Some(z) = solve(&rhs, count)? else {
            return Ok(None);
        };
        Ok(Some((w, z.reshape([count, length])?)))
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

/// Minimise ½ wᵀGw − bᵀw + λ Σ p (|w| + ½ h w²) + ½ Σ q w² along decreasing λ; gives the coefficients (L, F) and the
/// largest relative violation of the optimality conditions.
///
/// `growth` is h: with the l1 ratio ρ of an elastic net, (1 − ρ)/ρ. `progress(k, n_active)` is called after each λ and may
/// raise; it stops the path early by returning False. The path also ends where `max_active` features are in.
#[pyfunction]
#[pyo3(signature = (gram, moment, l1, l2, lambdas, tolerance, max_active, progress = None, threads = 0, growth = 0.0))]
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
    growth: f64,
) -> PyResult<(Bound<'py, PyArray2<f64>>, f64)> {
    let (gram, moment) = (gram.as_slice()?, moment.as_slice()?);
    let (l1, l2) = (l1.as_slice()?, l2.as_slice()?);
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    let mut net = py
        .detach(|| pool.install(|| ElasticNet::new(gram, moment, l1, l2)))
        .map_err(CoreError::from)?;
    walk(py, &lambdas, moment.len(), progress, |lambda| {
        pool.install(|| {
            if growth != 0.0 {
                // An excluded feature (p = ∞) has no curvature to grow.
                let finite = |p: f64| if p.is_finite() { p } else { 0.0 };
                let grown = l1
                    .iter()
                    .zip(l2)
                    .map(|(&p, q)| q + lambda * growth * finite(p));
                net.set_l2(&grown.collect::<Vec<f64>>())?;
            }
            net.step(lambda, tolerance, max_active)
        })
    })
}

/// Minimise ½ wᵀGw − bᵀw + λ Σ_g p_g ‖w_g‖ + ½ Σ q w² along decreasing λ; otherwise as `elastic_net_path`.
///
/// `groups` (F,) numbers of groups, `weights` p of each group.
#[pyfunction]
#[pyo3(signature = (gram, moment, groups, weights, l2, lambdas, tolerance, max_active, progress = None, threads = 0))]
#[allow(clippy::too_many_arguments)] // As `elastic_net_path`.
pub fn group_lasso_path<'py>(
    py: Python<'py>,
    gram: PyReadonlyArray2<f64>,
    moment: PyReadonlyArray1<f64>,
    groups: Vec<usize>,
    weights: PyReadonlyArray1<f64>,
    l2: PyReadonlyArray1<f64>,
    lambdas: Vec<f64>,
    tolerance: f64,
    max_active: usize,
    progress: Option<Bound<'py, PyAny>>,
    threads: usize,
) -> PyResult<(Bound<'py, PyArray2<f64>>, f64)> {
    let (gram, moment) = (gram.as_slice()?, moment.as_slice()?);
    let (weights, l2) = (weights.as_slice()?, l2.as_slice()?);
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    let mut path = py
        .detach(|| pool.install(|| GroupLasso::new(gram, moment, l2, &groups, weights)))
        .map_err(CoreError::from)?;
    walk(py, &lambdas, moment.len(), progress, |lambda| {
        pool.install(|| path.step(lambda, tolerance, max_active))
    })
}

/// Coefficients (L, F) and largest violation of the steps at each λ, until one is not reached or `progress` says False.
fn walk<'py>(
    py: Python<'py>,
    lambdas: &[f64],
    n_features: usize,
    progress: Option<Bound<'py, PyAny>>,
    mut step: impl FnMut(f64) -> mlip_rs::Result<Step> + Send,
) -> PyResult<(Bound<'py, PyArray2<f64>>, f64)> {
    let (mut coefficients, mut violation) = (Vec::new(), 0.0_f64);
    for (k, &lambda) in lambdas.iter().enumerate() {
        let solution = py.detach(|| step(lambda)).map_err(CoreError::from)?;
        py.check_signals()?;
        if !solution.reached {
            break;
        }
        coefficients.extend_from_slice(&solution.coefficients);
        violation = violation.max(solution.kkt_violation);
        if !goes_on(progress.as_ref(), k, solution.n_active)? {
            break;
        }
    }
    let rows = coefficients.len() / n_features.max(1);
    let coefficients = coefficients.into_pyarray(py);
    Ok((coefficients.reshape([rows, n_features])?, violation))
}

/// What `progress(k, n_active)` says: to stop if it is False.
fn goes_on(progress: Option<&Bound<'_, PyAny>>, k: usize, n_active: usize) -> PyResult<bool> {
    let Some(progress) = progress else {
        return Ok(true);
    };
    let answer = progress.call1((k, n_active))?;
    Ok(answer.extract::<bool>().unwrap_or(true))
}

/// Take the group with the largest gain per cost, one after the other; gives number of the group, gain and features of
/// each.
///
/// `groups` (F,), `costs` of each group: 0 is in from the start, ∞ never. Gains of all groups are computed if `screen` is
/// 0, else of that many. Ends where the next would make more than `max_features`. `progress(k, n_features)` is called
/// after each.
#[pyfunction]
#[pyo3(signature = (gram, moment, groups, costs, l2, max_features, screen = 0, progress = None, threads = 0))]
#[allow(clippy::too_many_arguments)] // As `elastic_net_path`.
pub fn forward_selection<'py>(
    py: Python<'py>,
    gram: PyReadonlyArray2<f64>,
    moment: PyReadonlyArray1<f64>,
    groups: Vec<usize>,
    costs: PyReadonlyArray1<f64>,
    l2: PyReadonlyArray1<f64>,
    max_features: usize,
    screen: usize,
    progress: Option<Bound<'py, PyAny>>,
    threads: usize,
) -> PyResult<Vec<(usize, f64, Vec<usize>)>> {
    let (gram, moment) = (gram.as_slice()?, moment.as_slice()?);
    let (costs, l2) = (costs.as_slice()?, l2.as_slice()?);
    let pool = parallel::pool(threads).map_err(CoreError::from)?;
    let mut search = py
        .detach(|| pool.install(|| ForwardSelection::new(gram, moment, l2, &groups, costs, screen)))
        .map_err(CoreError::from)?;
    let mut picks = Vec::new();
    loop {
        let room = max_features.saturating_sub(search.n_features());
        let Some(pick) = py.detach(|| pool.install(|| search.step(room))) else {
            break;
        };
        py.check_signals()?;
        picks.push((pick.group, pick.gain, pick.features));
        if !goes_on(progress.as_ref(), picks.len() - 1, search.n_features())? {
            break;
        }
    }
    Ok(picks)
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
    let (gram, moment) = (gram.as_slice()?, moment.as_slice()?);
    let (l1, l2) = (l1.as_slice()?, l2.as_slice()?);
    // The checks of a problem are parallel; outside of a pool of ours they would take the global one.
    let pool = parallel::pool(0).map_err(CoreError::from)?;
    let net = py
        .detach(|| pool.install(|| ElasticNet::new(gram, moment, l1, l2)))
        .map_err(CoreError::from)?;
    Ok(net.lambda_max())
}

/// Smallest λ at which every penalised group is zero.
#[pyfunction]
pub fn group_lambda_max(
    py: Python<'_>,
    gram: PyReadonlyArray2<f64>,
    moment: PyReadonlyArray1<f64>,
    groups: Vec<usize>,
    weights: PyReadonlyArray1<f64>,
    l2: PyReadonlyArray1<f64>,
) -> PyResult<f64> {
    let (gram, moment) = (gram.as_slice()?, moment.as_slice()?);
    let (weights, l2) = (weights.as_slice()?, l2.as_slice()?);
    let pool = parallel::pool(0).map_err(CoreError::from)?;
    let path = py
        .detach(|| pool.install(|| GroupLasso::new(gram, moment, l2, &groups, weights)))
        .map_err(CoreError::from)?;
    Ok(path.lambda_max())
}

/// Inverse of the ridge system of some features, from which features leave.
#[pyclass(module = "mlip_rs._core")]
#[derive(Debug)]
pub struct RidgeInverse {
    inner: mlip_rs::regression::RidgeInverse,
    threads: usize,
}

#[pymethods]
impl RidgeInverse {
    #[new]
    #[pyo3(signature = (gram, moment, penalties, features, threads = 0))]
    fn new(
        py: Python<'_>,
        gram: PyReadonlyArray2<f64>,
        moment: PyReadonlyArray1<f64>,
        penalties: PyReadonlyArray1<f64>,
        features: Vec<usize>,
        threads: usize,
    ) -> PyResult<Self> {
        let (gram, moment) = (gram.as_slice()?, moment.as_slice()?);
        let penalties = penalties.as_slice()?;
        let pool = parallel::pool(threads).map_err(CoreError::from)?;
        let inverse = || mlip_rs::regression::RidgeInverse::new(gram, penalties, moment, &features);
        let inner = py
            .detach(|| pool.install(inverse))
            .map_err(CoreError::from)?;
        Ok(Self { inner, threads })
    }

    fn coefficients<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.inner.coefficients())
    }

    fn diagonal<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.inner.diagonal().into_pyarray(py)
    }

    fn losses<'py>(
        &self,
        py: Python<'py>,
        positions: PyReadonlyArray1<i64>,
        starts: PyReadonlyArray1<i64>,
        limits: PyReadonlyArray1<f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let n = self.inner.coefficients().len();
        let positions = places(positions.as_slice()?, n)?;
        let starts = places(starts.as_slice()?, positions.len() + 1)?;
        let limits = limits.as_slice()?;
        if starts.len() != limits.len() + 1 || starts.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(PyValueError::new_err(
                "starts must ascend, one more than limits",
            ));
        }
        let groups: Vec<&[usize]> = starts
            .windows(2)
            .map(|pair| &positions[pair[0]..pair[1]])
            .collect();
        let pool = parallel::pool(self.threads).map_err(CoreError::from)?;
        let losses = py.detach(|| pool.install(|| self.inner.losses(&groups, limits)));
        Ok(losses.into_pyarray(py))
    }

    fn remove(&mut self, py: Python<'_>, positions: PyReadonlyArray1<i64>) -> PyResult<bool> {
        let own = places(positions.as_slice()?, self.inner.coefficients().len())?;
        let pool = parallel::pool(self.threads).map_err(CoreError::from)?;
        Ok(py.detach(|| pool.install(|| self.inner.remove(&own))))
    }
}

/// Places below `n`.
fn places(numbers: &[i64], n: usize) -> PyResult<Vec<usize>> {
    let place = |&number: &i64| {
        usize::try_from(number)
            .ok()
            .filter(|&place| place < n)
            .ok_or_else(|| PyValueError::new_err(format!("position {number} of {n}")))
    };
    numbers.iter().map(place).collect()
}
