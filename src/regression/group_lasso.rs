//! The group-LASSO path.

use rayon::prelude::*;

use super::block::Block;
use super::elastic_net::Solution;
use super::group_newton::Restricted;
use super::groups::Groups;
use super::quadratic::Quadratic;
use super::{check_finite, check_length, check_penalties, check_step};
use crate::{Error, Result};

/// Weights below `ABSOLUTE β √H_jj / λ` do not tighten the tolerance any further.
const ABSOLUTE: f64 = 1e-6;
/// Rounding errors of a gradient, in units of ε times the sum of the magnitudes of its terms.
const ROUNDING: f64 = 4.0;
/// Violations beyond this multiple of the tolerance end the path.
const SHORT: f64 = 1e3;
/// Newton steps on one set of active groups.
const MAX_NEWTON: usize = 1000;
/// Sets of active groups tried for one λ.
const MAX_SETS: usize = 500;
/// Fewest groups let in together; at most as many as are active.
const MIN_BATCH: usize = 8;

/// Minimises `½ wᵀGw − bᵀw + λ Σ_g p_g ‖w_g‖₂ + ½ Σ_j q_j w_j²` for one λ after the other, each from the last
/// (M. Yuan and Y. Lin, J. R. Stat. Soc. B 68, 49 (2006)).
///
/// `p_g = 0` leaves a group unpenalised (it is always in), `p_g = ∞` excludes it; a feature with `G_jj = 0` is never
/// selected, and a group number without features is no error. With features of unit norm `p_g = √|g|` is customary.
///
/// # Method
///
/// Block-coordinate descent with exact block minima (the secular equation over the eigenvalues of `H_gg`) decides which
/// groups are zero; between its sweeps Newton steps on all active groups at once, with an exact line search, converge
/// whatever the condition of `H = G + diag(q)`, as block-coordinate descent alone does not. With `c = b − H w`,
/// optimality is `c_g = λ p_g w_g/‖w_g‖` on the active groups, `‖c_g‖ ≤ λ p_g` on the others. The worst violators are
/// let in until there is none: first among the groups that the sequential strong rule keeps, `‖c_g‖ ≥ p_g (2λ − λ')` at
/// the last λ' (R. Tibshirani et al., J. R. Stat. Soc. B 74, 245 (2012)), then, as the rule is not safe, among all.
///
/// # Accuracy
///
/// As for [`ElasticNet`](super::ElasticNet), with norms of groups in place of magnitudes and the largest `√H_jj` of a
/// group in place of that of a feature. Where G is singular in floating point and q next to nothing, small λ may stay out
/// of reach: [`Solution::reached`] is false, too, where the violation left exceeds 1000 times the tolerance.
///
/// # Example
///
/// ```
/// use mlip_rs::regression::GroupLasso;
///
/// let gram = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
/// let mut path = GroupLasso::new(&gram[..], &[3.0, 4.0, 1.0], &[0.0; 3], &[0, 0, 1], &[1.0, 1.0])?;
/// assert_eq!(path.lambda_max(), 5.0);
/// let w = path.step(2.5, 1e-8, usize::MAX)?.coefficients;
/// assert!((w[0] - 1.5).abs() < 1e-12 && (w[1] - 2.0).abs() < 1e-12 && w[2] == 0.0);
/// # Ok::<(), mlip_rs::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GroupLasso<M> {
    gram: M,
    xty: Vec<f64>,
    l2: Vec<f64>,
    groups: Groups,
    weights: Vec<f64>,
    /// Largest `√H_jj` of each group.
    scales: Vec<f64>,
    beta: f64,
    blocks: Vec<Option<Block>>,
    active: Vec<usize>,
    w: Vec<f64>,
    c: Vec<f64>,
    lambda_max: f64,
    last_lambda: f64,
}

impl<M: AsRef<[f64]>> GroupLasso<M> {
    /// Checks the problem and fits the unpenalised groups.
    ///
    /// `gram`: F×F row-major, both triangles, borrowed or owned; `xty` = b: F; `l2` = q: F numbers in [0, ∞); `groups`:
    /// F numbers below the length of `weights` = p, which are in [0, ∞].
    ///
    /// # Errors
    ///
    /// [`Error::Regression`] on wrong lengths, NaN or infinities, negative penalties, a negative diagonal, an asymmetric
    /// matrix, a group without a weight.
    pub fn new(
        gram: M,
        xty: &[f64],
        l2: &[f64],
        groups: &[usize],
        weights: &[f64],
    ) -> Result<Self> {
        let n = xty.len();
        check_penalties("l2", l2, n)?;
        check_finite("l2", l2, n)?;
        check_penalties("weights", weights, weights.len())?;
        check_length("groups", groups.len(), n)?;
        let problem = Quadratic {
            gram: gram.as_ref(),
            xty,
            l2,
        };
        problem.check()?;
        let usable = |j: usize| problem.gram[j * n + j] > 0.0;
        let groups = Groups::new(groups, weights.len(), |j| {
            usable(j) && weights[groups[j]].is_finite()
        })?;
        let scale = |j: usize| problem.entry(j, j).sqrt();
        let of_group = |g: usize| groups.of(g).iter().map(|&j| scale(j)).fold(0.0, f64::max);
        let scales: Vec<f64> = (0..groups.len()).map(of_group).collect();
        let all = (0..n).filter(|&j| usable(j));
        let beta = all.map(|j| xty[j].abs() / scale(j)).fold(0.0, f64::max);
        let free = |g: &usize| weights[*g] == 0.0 && !groups.of(*g).is_empty();
        let mut path = Self {
            blocks: vec![None; groups.len()],
            active: (0..groups.len()).filter(free).collect(),
            w: vec![0.0; n],
            c: xty.to_vec(),
            gram,
            xty: xty.to_vec(),
            l2: l2.to_vec(),
            groups,
            weights: weights.to_vec(),
            scales,
            beta,
            lambda_max: 0.0,
            last_lambda: f64::INFINITY,
        };
        path.descend(0.0, f64::EPSILON)?;
        path.full_gradient();
        path.lambda_max = path
            .penalised()
            .map(|g| path.norm(g) / path.weights[g])
            .fold(0.0, f64::max);
        Ok(path)
    }

    /// Smallest λ at which all penalised coefficients are zero: `max_g ‖c_g‖/p_g` at the fit of the unpenalised ones.
    #[must_use]
    pub fn lambda_max(&self) -> f64 {
        self.lambda_max
    }

    /// Minimises at `lambda`, starting from the coefficients of the last call (zero at first).
    ///
    /// Any order of λ is right; a decreasing one is fast. `tolerance`: relative violation of the optimality conditions
    /// left, 1e-6 is a good choice. `max_active`: groups are let in up to this number of features only.
    ///
    /// # Errors
    ///
    /// [`Error::Regression`] for a λ or tolerance out of range, when the search does not end, and when there is no
    /// minimum because G is not positive semi-definite.
    pub fn step(&mut self, lambda: f64, tolerance: f64, max_active: usize) -> Result<Solution> {
        check_step(lambda, tolerance)?;
        let mut screened = self.strong(lambda);
        let mut n_iterations = 0;
        for _ in 0..MAX_SETS {
            n_iterations += self.descend(lambda, tolerance)?;
            self.partial_gradient(&screened);
            let mut violators = self.violators(&screened, lambda, tolerance);
            if violators.is_empty() {
                self.full_gradient();
                let all: Vec<usize> = self.penalised().collect();
                violators = self.violators(&all, lambda, tolerance);
                screened.extend_from_slice(&violators);
            }
            let most = self.active.len().max(MIN_BATCH);
            let n_active = self.groups.features(&self.active).len();
            let room = max_active.saturating_sub(n_active);
            let batch = self.fitting(&violators, most, room);
            if batch.is_empty() {
                if !violators.is_empty() {
                    self.full_gradient();
                }
                self.last_lambda = lambda;
                let kkt_violation = self.violation(lambda);
                return Ok(Solution {
                    coefficients: self.w.clone(),
                    n_active: self.w.iter().filter(|&&w| w != 0.0).count(),
                    kkt_violation,
                    n_iterations,
                    reached: violators.is_empty() && kkt_violation <= SHORT * tolerance,
                });
            }
            // In front, so that the first of them, at least, leaves zero in the next sweep: the objective falls.
            self.active.splice(0..0, batch);
        }
        Err(Error::Regression(format!(
            "no convergence at lambda = {lambda:.6e} after {MAX_SETS} sets of active groups (relative violation {:.1e} \
             left): raise the tolerance or add an l2 penalty",
            self.violation(lambda)
        )))
    }

    /// The first of `groups`, at most `most` of them with together at most `room` features.
    fn fitting(&self, groups: &[usize], most: usize, room: usize) -> Vec<usize> {
        let mut left = room;
        let fits = |&g: &usize| {
            let size = self.groups.of(g).len();
            let fits = size <= left;
            left -= if fits { size } else { 0 };
            fits
        };
        groups.iter().copied().take_while(fits).take(most).collect()
    }

    /// Minimises over the active groups; those that become zero leave. Returns the number of Newton steps.
    fn descend(&mut self, lambda: f64, tolerance: f64) -> Result<usize> {
        let problem = Quadratic {
            gram: self.gram.as_ref(),
            xty: &self.xty,
            l2: &self.l2,
        };
        let restrict = |active: &[usize], w: &[f64]| {
            let of_group = |&g: &usize| {
                let (weight, scale) = (self.weights[g], self.scales[g]);
                let numbers = [
                    lambda * weight,
                    unit(lambda, weight, self.beta, scale),
                    scale,
                ];
                (g, numbers, self.groups.of(g))
            };
            Restricted::new(&problem, active.iter().map(of_group), w)
        };
        let mut restricted = restrict(&self.active, &self.w);
        let mut n_steps = 0;
        while !restricted.active.is_empty() && n_steps < MAX_NEWTON {
            restricted.sweep(&mut self.blocks)?;
            if !restricted.has_zeros() {
                restricted.newton().map_err(|_| no_minimum(lambda))?;
                n_steps += 1;
            }
            for (&j, &w) in restricted.features.iter().zip(&restricted.w) {
                if !w.is_finite() {
                    return Err(no_minimum(lambda));
                }
                self.w[j] = w;
            }
            if restricted.has_zeros() {
                let kept = restricted
                    .active
                    .iter()
                    .filter(|own| !restricted.is_zero(own));
                self.active = kept.map(|own| own.group).collect();
                restricted = restrict(&self.active, &self.w);
            } else if restricted.violation(self.noise()) <= tolerance {
                break;
            }
        }
        Ok(n_steps)
    }
}

impl<M> GroupLasso<M> {
    /// Groups that λ acts on.
    fn penalised(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.groups.len()).filter(|&g| self.weights[g] > 0.0 && !self.groups.of(g).is_empty())
    }

    /// `‖c_g‖`.
    fn norm(&self, group: usize) -> f64 {
        let squares = self.groups.of(group).iter().map(|&j| self.c[j].powi(2));
        squares.sum::<f64>().sqrt()
    }

    /// Rounding error of `‖c_g‖ / scale_g`.
    fn noise(&self) -> f64 {
        let magnitude = |&g: &usize| {
            let own = self.groups.of(g).iter();
            self.scales[g] * own.map(|&j| self.w[j].abs()).sum::<f64>()
        };
        ROUNDING * f64::EPSILON * self.active.iter().map(magnitude).sum::<f64>()
    }

    /// Groups that the strong rule keeps; the gradient must be that of the last λ.
    fn strong(&self, lambda: f64) -> Vec<usize> {
        let bound = if self.last_lambda.is_finite() {
            2.0 * lambda - self.last_lambda
        } else {
            2.0 * lambda - self.lambda_max
        };
        self.penalised()
            .filter(|&g| self.norm(g) >= self.weights[g] * bound)
            .collect()
    }

    /// Groups of `among` to let in, worst first.
    fn violators(&self, among: &[usize], lambda: f64, tolerance: f64) -> Vec<usize> {
        let noise = self.noise();
        let mut is_active = vec![false; self.groups.len()];
        for &g in &self.active {
            is_active[g] = true;
        }
        let mut found = Vec::new();
        for &g in among.iter().filter(|&&g| !is_active[g]) {
            let excess = self.norm(g) - lambda * self.weights[g];
            let unit = unit(lambda, self.weights[g], self.beta, self.scales[g]);
            if excess > tolerance * unit + noise * self.scales[g] {
                found.push((excess / unit, g));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.into_iter().map(|(_, g)| g).collect()
    }

    /// Largest violation over all groups, in their units.
    fn violation(&self, lambda: f64) -> f64 {
        let of_group = |g: usize| {
            let own = self.groups.of(g);
            let penalty = lambda * self.weights[g];
            let norm = own.iter().map(|&j| self.w[j].powi(2)).sum::<f64>().sqrt();
            let excess = if norm == 0.0 {
                self.norm(g) - penalty
            } else {
                let residual = |&j: &usize| (self.c[j] - penalty * self.w[j] / norm).powi(2);
                own.iter().map(residual).sum::<f64>().sqrt()
            };
            excess / unit(lambda, self.weights[g], self.beta, self.scales[g])
        };
        let all = (0..self.groups.len()).filter(|&g| !self.groups.of(g).is_empty());
        all.map(of_group).fold(0.0, f64::max)
    }
}

impl<M: AsRef<[f64]>> GroupLasso<M> {
    /// The gradient of all features.
    fn full_gradient(&mut self) {
        let problem = Quadratic {
            gram: self.gram.as_ref(),
            xty: &self.xty,
            l2: &self.l2,
        };
        problem.gradient(&self.groups.features(&self.active), &self.w, &mut self.c);
    }

    /// The gradient of the features of some groups.
    fn partial_gradient(&mut self, groups: &[usize]) {
        let problem = Quadratic {
            gram: self.gram.as_ref(),
            xty: &self.xty,
            l2: &self.l2,
        };
        let (n, active) = (self.w.len(), self.groups.features(&self.active));
        let features = self.groups.features(groups);
        let of_feature = |&j: &usize| {
            let row = &problem.gram[j * n..(j + 1) * n];
            let product: f64 = active.iter().map(|&k| row[k] * self.w[k]).sum();
            problem.xty[j] - problem.l2[j] * self.w[j] - product
        };
        let values: Vec<f64> = features.par_iter().map(of_feature).collect();
        for (j, value) in features.into_iter().zip(values) {
            self.c[j] = value;
        }
    }
}

/// The unit of violations of a group.
fn unit(lambda: f64, weight: f64, beta: f64, scale: f64) -> f64 {
    (lambda * weight)
        .max(ABSOLUTE * beta * scale)
        .max(f64::MIN_POSITIVE)
}

fn no_minimum(lambda: f64) -> Error {
    Error::Regression(format!(
        "the objective has no minimum at lambda = {lambda:.6e}: the Gram matrix is not positive semi-definite, or its \
         entries span too wide a range; rebuild it from the design rows, or add an l2 penalty"
    ))
}
