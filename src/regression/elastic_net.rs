//! The elastic-net path.

use super::active_set::ActiveSet;
use super::quadratic::Quadratic;
use super::{check_finite, check_penalties, check_step};
use crate::Result;

/// Coefficients at one λ.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// The minimiser `w`, F numbers, exact zeros where a feature is not selected.
    pub coefficients: Vec<f64>,
    /// Number of non-zero coefficients, unpenalised ones included.
    pub n_active: usize,
    /// Largest violation of the optimality conditions, relative: see [`ElasticNet`].
    pub kkt_violation: f64,
    /// Number of linear systems solved for this λ.
    pub n_iterations: usize,
    /// False when `max_active` stopped the search: then `coefficients` minimise over the features let in so far.
    pub reached: bool,
}

/// Minimises `½ wᵀGw − bᵀw + λ Σ_j p_j |w_j| + ½ Σ_j q_j w_j²` for one λ after the other, each from the last.
///
/// `p_j = 0` leaves a feature unpenalised (it is always in), `p_j = ∞` excludes it; a feature with `G_jj = 0` is never
/// selected. To get `½‖y − Xw‖²/n` of scikit-learn divide G and b by n.
///
/// # Method
///
/// Coordinate descent needs a number of sweeps that grows with the condition of G, which for polynomials of radial
/// functions is 1e12 and more. This is an active-set method with exact solves: feature-sign search (H. Lee, A. Battle,
/// R. Raina, A. Y. Ng, NIPS 2006), of which the homotopy of Osborne, Presnell and Turlach (IMA J. Numer. Anal. 20,
/// 389 (2000)) is the limit of small steps in λ. With active set A, signs s and `H = G + diag(q)`:
///
/// 1. Step towards the solution of `H_AA w_A = b_A − λ p_A s_A`; at the best of the points on the way where
///    coefficients become zero, drop those and solve again, until a full step keeps all signs.
/// 2. With `c = b − H w`, optimality is `c_j = λ p_j sign(w_j)` on A, `|c_j| ≤ λ p_j` off A. Let the worst
///    violators in, in batches whose size follows how many of the last batch stayed; stop when there is none.
///
/// Every step lowers the objective. Batches are safe: of the new features at least one moves in the direction of its
/// sign, because the step `d` obeys `Σ_new g_j d_j = dᵀHd > 0`, and those which do not are dropped before they move.
/// A feature dependent on the active ones gets the smallest pivot that floating point can tell from zero; the long step
/// along the null direction then ends where another coefficient vanishes, and the two have been exchanged. Steps are
/// repeated on the true gradient, so neither raised pivots nor rounding in the factor reach the solution.
///
/// # Accuracy
///
/// A violation is measured in units of `max(λ p_j, 1e-6 β √H_jj)` with `β = max_k |b_k|/√H_kk`; the search ends when
/// none exceeds the tolerance, or when what exceeds it is below the rounding error of `c` itself
/// (`4 ε √H_jj Σ_k √H_kk |w_k|`) or no longer lowers the objective. [`Solution::kkt_violation`] is the value left.
///
/// # Example
///
/// ```
/// use mlip_rs::regression::ElasticNet;
///
/// let gram = [1.0, 0.0, 0.0, 1.0];
/// let mut path = ElasticNet::new(&gram[..], &[3.0, -1.0], &[1.0, 1.0], &[0.0, 0.0])?;
/// assert_eq!(path.lambda_max(), 3.0);
/// assert_eq!(path.step(2.0, 1e-8, usize::MAX)?.coefficients, [1.0, 0.0]);
/// # Ok::<(), mlip_rs::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ElasticNet<M> {
    gram: M,
    xty: Vec<f64>,
    l2: Vec<f64>,
    search: ActiveSet,
    lambda_max: f64,
}

impl<M: AsRef<[f64]>> ElasticNet<M> {
    /// Checks the problem and fits the unpenalised features.
    ///
    /// `gram`: F×F row-major, both triangles, borrowed or owned (`&[f64]`, `Vec<f64>`, `Arc<[f64]>`, …); `xty` = b: F;
    /// `l1` = p: F numbers in [0, ∞]; `l2` = q: F numbers in [0, ∞).
    ///
    /// # Errors
    ///
    /// [`crate::Error::Regression`] on wrong lengths, NaN or infinities, negative penalties, a negative diagonal, or an
    /// asymmetric matrix.
    pub fn new(gram: M, xty: &[f64], l1: &[f64], l2: &[f64]) -> Result<Self> {
        check_penalties("l1", l1, xty.len())?;
        check_penalties("l2", l2, xty.len())?;
        check_finite("l2", l2, xty.len())?;
        let problem = Quadratic {
            gram: gram.as_ref(),
            xty,
            l2,
        };
        problem.check()?;
        let mut search = ActiveSet::new(&problem, l1);
        search.fit_unpenalised(&problem)?;
        let lambda_max = search.largest_penalty();
        Ok(Self {
            gram,
            xty: xty.to_vec(),
            l2: l2.to_vec(),
            search,
            lambda_max,
        })
    }

    /// Replaces q for the steps to come, which start from the present coefficients all the same; costs a factorisation.
    ///
    /// `lambda_max` stays that of the first q; it does not depend on the q of penalised features.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Regression`] on a wrong length and on entries that are negative or not finite.
    pub fn set_l2(&mut self, l2: &[f64]) -> Result<()> {
        check_penalties("l2", l2, self.xty.len())?;
        check_finite("l2", l2, self.xty.len())?;
        self.l2 = l2.to_vec();
        let problem = Quadratic {
            gram: self.gram.as_ref(),
            xty: &self.xty,
            l2: &self.l2,
        };
        self.search.rebuild(&problem);
        Ok(())
    }

    /// Smallest λ at which all penalised coefficients are zero: `max_j |c_j|/p_j` at the fit of the unpenalised ones.
    #[must_use]
    pub fn lambda_max(&self) -> f64 {
        self.lambda_max
    }

    /// Minimises at `lambda`, starting from the coefficients of the last call (zero at first).
    ///
    /// Any order of λ is right; a decreasing one is fast. `tolerance`: relative violation of the optimality conditions
    /// left, 1e-6 is a good choice. `max_active`: features are let in up to this number only.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Regression`] for a λ or tolerance out of range, when the search does not end, and when there is no
    /// minimum because G is not positive semi-definite. The state stays valid, and another λ may be tried.
    pub fn step(&mut self, lambda: f64, tolerance: f64, max_active: usize) -> Result<Solution> {
        check_step(lambda, tolerance)?;
        let problem = Quadratic {
            gram: self.gram.as_ref(),
            xty: &self.xty,
            l2: &self.l2,
        };
        let outcome = self
            .search
            .minimise(&problem, lambda, tolerance, max_active)?;
        let coefficients = self.search.coefficients().to_vec();
        Ok(Solution {
            n_active: coefficients.iter().filter(|&&w| w != 0.0).count(),
            coefficients,
            kkt_violation: outcome.violation,
            n_iterations: outcome.n_iterations,
            reached: outcome.reached,
        })
    }
}
