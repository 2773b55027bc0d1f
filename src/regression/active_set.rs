//! Feature-sign search: the iterations behind [`ElasticNet`](super::ElasticNet), which states the method.

use super::dot;
use super::factor::{Dependent, Factor};
use super::line_search::{Crossing, best_fraction};
use super::quadratic::Quadratic;
use crate::{Error, Result};

/// Weights below `ABSOLUTE β √H_jj / λ` do not tighten the tolerance any further.
const ABSOLUTE: f64 = 1e-6;
/// Rounding errors of a gradient, in units of ε times the sum of the magnitudes of its terms.
const ROUNDING: f64 = 4.0;
/// In a batch, features whose pivot is below this fraction of their diagonal wait for the next batch.
const BATCH_PIVOT: f64 = 1e-10;
/// Largest batch of features let in together.
const MAX_BATCH: usize = 256;
/// Relative decrease of the objective below which a round counts as no progress.
const STALL: f64 = 1e-15;
/// Rounds without progress before the search ends.
const MAX_STALLS: usize = 8;
/// Steps repeated on the true gradient of an unchanged active set.
const MAX_REFINEMENTS: usize = 8;
/// The same while violations exceed their units, that is, while raised pivots dominate the step.
const MAX_GROSS_REFINEMENTS: usize = 100;
/// Line searches between two gradients before the strictly finite rule takes over.
const PATIENCE: usize = 50;

/// How a search ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub(super) violation: f64,
    pub(super) n_iterations: usize,
    pub(super) reached: bool,
}

/// State of the search: coefficients, their gradient, the active features with signs and factor.
#[derive(Debug, Clone)]
pub(super) struct ActiveSet {
    l1: Vec<f64>,
    /// `√H_jj`, or 0 for a feature that can never be selected.
    scales: Vec<f64>,
    /// `max_k |b_k|/√H_kk`.
    beta: f64,
    w: Vec<f64>,
    /// `b − H w`; on the active features kept current within a descent, elsewhere since the last full gradient.
    c: Vec<f64>,
    factor: Factor,
    /// Sign assumed for each feature of the factor; 0 for unpenalised ones.
    signs: Vec<f64>,
    is_active: Vec<bool>,
    batch: usize,
}

impl ActiveSet {
    /// Starts with nothing active. `l1`: penalty weights p, F numbers in [0, ∞].
    pub(super) fn new(problem: &Quadratic, l1: &[f64]) -> Self {
        let n = problem.len();
        let scale = |j: usize| {
            if problem.gram[j * n + j] > 0.0 {
                problem.entry(j, j).sqrt()
            } else {
                0.0
            }
        };
        let usable = |j: usize| if l1[j].is_finite() { scale(j) } else { 0.0 };
        let scales: Vec<f64> = (0..n).map(usable).collect();
        let correlations = problem
            .xty
            .iter()
            .zip(&scales)
            .filter(|&(_, &scale)| scale > 0.0);
        let beta = correlations
            .map(|(b, scale)| b.abs() / scale)
            .fold(0.0, f64::max);
        Self {
            l1: l1.to_vec(),
            scales,
            beta,
            w: vec![0.0; n],
            c: problem.xty.to_vec(),
            factor: Factor::default(),
            signs: Vec::new(),
            is_active: vec![false; n],
            batch: 8,
        }
    }

    /// The coefficients w, F numbers.
    pub(super) fn coefficients(&self) -> &[f64] {
        &self.w
    }

    /// Minimises over the unpenalised features alone.
    pub(super) fn fit_unpenalised(&mut self, problem: &Quadratic) -> Result<()> {
        self.restart(problem);
        // Without room for others, λ does not matter.
        let n_free = self.factor.features().len();
        if n_free > 0 {
            self.minimise(problem, 0.0, f64::EPSILON, n_free)?;
        }
        Ok(())
    }

    /// Back to w = 0 with only the unpenalised features active.
    fn restart(&mut self, problem: &Quadratic) {
        *self = Self::new(problem, &self.l1);
        let free: Vec<usize> = (0..self.w.len())
            .filter(|&j| self.l1[j] == 0.0 && self.scales[j] > 0.0)
            .collect();
        self.admit(problem, &free, Dependent::Raise);
    }

    /// Goes on with another diagonal of H from the present coefficients.
    pub(super) fn rebuild(&mut self, problem: &Quadratic) {
        for (j, scale) in self.scales.iter_mut().enumerate() {
            if *scale > 0.0 {
                *scale = problem.entry(j, j).sqrt();
            }
        }
        let features = self.factor.features().to_vec();
        self.factor = Factor::default();
        self.factor.append(problem, &features, Dependent::Raise);
        problem.gradient(&features, &self.w, &mut self.c);
    }

    /// The error of a problem whose active block could not be solved; starts over, so that another λ may be tried.
    fn no_minimum(&mut self, problem: &Quadratic, lambda: f64) -> Error {
        self.restart(problem);
        Error::Regression(format!(
            "the objective has no minimum at lambda = {lambda:.6e}: the Gram matrix is not positive semi-definite, or its \
             entries span too wide a range; rebuild it from the design rows, or add an l2 penalty"
        ))
    }

    /// The error of a problem that takes too many iterations.
    fn no_convergence(&self, lambda: f64, n_iterations: usize) -> Error {
        Error::Regression(format!(
            "no convergence at lambda = {lambda:.6e} after {n_iterations} active-set iterations (relative violation {:.1e} \
             left): raise the tolerance or add an l2 penalty",
            self.violation(lambda)
        ))
    }

    /// `max_j |c_j| / p_j` over the penalised features.
    pub(super) fn largest_penalty(&self) -> f64 {
        let penalised = (0..self.w.len()).filter(|&j| self.scales[j] > 0.0 && self.l1[j] > 0.0);
        penalised
            .map(|j| self.c[j].abs() / self.l1[j])
            .fold(0.0, f64::max)
    }

    /// Minimises at `lambda` from the present coefficients.
    pub(super) fn minimise(
        &mut self,
        problem: &Quadratic,
        lambda: f64,
        tolerance: f64,
        max_active: usize,
    ) -> Result<Outcome> {
        let limit = 1000 + 10 * self.w.len();
        let (mut n_iterations, mut refinements, mut stalls) = (0, 0, 0);
        let mut last_objective = f64::INFINITY;
        let mut batch: Vec<usize> = Vec::new();
        loop {
            n_iterations += self.descend(problem, lambda);
            problem.gradient(self.factor.features(), &self.w, &mut self.c);
            let objective = self.objective(problem, lambda);
            let progress = last_objective - objective > STALL * objective.abs();
            last_objective = objective;
            let noise = self.noise();
            if !objective.is_finite() {
                return Err(self.no_minimum(problem, lambda));
            }
            let gross = self.residual(lambda, 1.0, noise) > 0.0;
            let most = if gross {
                MAX_GROSS_REFINEMENTS
            } else {
                MAX_REFINEMENTS
            };
            let may_refine = refinements == 0 || (progress && refinements < most);
            if may_refine && self.residual(lambda, tolerance, noise) > 0.0 {
                refinements += 1;
                continue;
            }
            if gross {
                return Err(self.no_minimum(problem, lambda));
            }
            refinements = 0;
            stalls = if progress { 0 } else { stalls + 1 };
            self.adapt_batch(&batch, progress);
            let candidates = self.violators(lambda, tolerance, noise);
            let room = max_active.saturating_sub(self.factor.features().len());
            let reached = candidates.is_empty() || stalls > MAX_STALLS;
            if reached || room == 0 {
                return Ok(Outcome {
                    violation: self.violation(lambda),
                    n_iterations,
                    reached,
                });
            }
            if n_iterations > limit {
                return Err(self.no_convergence(lambda, n_iterations));
            }
            batch = candidates[..self.batch.min(room).min(candidates.len())].to_vec();
            if self.admit(problem, &batch, Dependent::Reject(BATCH_PIVOT)) == 0 {
                self.admit(problem, &batch[..1], Dependent::Raise);
            }
        }
    }
}

/// Descent over the active features.
impl ActiveSet {
    /// Steps until a full step keeps all signs; returns the number of systems solved.
    fn descend(&mut self, problem: &Quadratic, lambda: f64) -> usize {
        let mut n_solves = 0;
        while !self.factor.features().is_empty() {
            let features = self.factor.features();
            let target = features
                .iter()
                .zip(&self.signs)
                .map(|(&j, sign)| self.c[j] - lambda * self.l1[j] * sign);
            let gradient: Vec<f64> = target.collect();
            let mut step = gradient.clone();
            self.factor.solve(&mut step);
            n_solves += 1;
            let mut crossings = self.crossings(&step, lambda);
            let fraction =
                best_fraction(dot(&gradient, &step), &mut crossings, n_solves > PATIENCE);
            let dropped = self.advance(&gradient, &step, fraction, &crossings);
            let complete = dropped.is_empty() && crossings.is_empty();
            self.drop_features(problem, &dropped);
            if complete {
                break;
            }
        }
        n_solves
    }

    /// Where the step `d` takes coefficients through zero before its end.
    fn crossings(&self, step: &[f64], lambda: f64) -> Vec<Crossing> {
        let mut crossings = Vec::new();
        for (position, ((&j, &sign), &d)) in self
            .factor
            .features()
            .iter()
            .zip(&self.signs)
            .zip(step)
            .enumerate()
        {
            let fraction = self.w[j].abs() / d.abs();
            let kink = 2.0 * lambda * self.l1[j] * d.abs();
            if sign * d < 0.0 && fraction < 1.0 && kink > 0.0 {
                crossings.push(Crossing {
                    position,
                    fraction,
                    kink,
                });
            }
        }
        crossings
    }

    /// Moves by `fraction` of `step`; returns the positions of the coefficients that became zero, ascending.
    ///
    /// `c` follows by `c ← c − t H d`, where `H d = g − E d` by the definition of the factor.
    fn advance(
        &mut self,
        gradient: &[f64],
        step: &[f64],
        fraction: f64,
        crossings: &[Crossing],
    ) -> Vec<usize> {
        let features = self.factor.features();
        for (((&j, &g), &d), &raised) in features
            .iter()
            .zip(gradient)
            .zip(step)
            .zip(self.factor.raised())
        {
            self.w[j] += fraction * d;
            self.c[j] -= fraction * (g - raised * d);
        }
        let mut dropped = Vec::new();
        for crossing in crossings
            .iter()
            .take_while(|crossing| crossing.fraction <= fraction)
        {
            if crossing.fraction < fraction {
                self.signs[crossing.position] *= -1.0;
            } else {
                self.w[features[crossing.position]] = 0.0;
                dropped.push(crossing.position);
            }
        }
        dropped
    }

    /// Takes the features at `positions` (ascending) out.
    fn drop_features(&mut self, problem: &Quadratic, positions: &[usize]) {
        for &position in positions.iter().rev() {
            self.is_active[self.factor.features()[position]] = false;
            self.signs.remove(position);
        }
        self.factor.remove(problem, positions);
    }

    /// Lets `features` in, each with the sign of its gradient; returns how many the factor accepted.
    fn admit(&mut self, problem: &Quadratic, features: &[usize], dependent: Dependent) -> usize {
        let accepted = self.factor.append(problem, features, dependent);
        let mut n_accepted = 0;
        for (&j, _) in features
            .iter()
            .zip(accepted)
            .filter(|&(_, accepted)| accepted)
        {
            self.is_active[j] = true;
            self.signs.push(if self.l1[j] == 0.0 {
                0.0
            } else {
                self.c[j].signum()
            });
            n_accepted += 1;
        }
        n_accepted
    }
}

/// Optimality conditions.
impl ActiveSet {
    /// `½ wᵀHw − bᵀw + λ Σ p |w|`, by `½ wᵀHw − bᵀw = −½ wᵀ(b + c)`.
    fn objective(&self, problem: &Quadratic, lambda: f64) -> f64 {
        let term = |&j: &usize| {
            -0.5 * self.w[j] * (problem.xty[j] + self.c[j]) + lambda * self.l1[j] * self.w[j].abs()
        };
        self.factor.features().iter().map(term).sum()
    }

    /// Rounding error of `c_j / √H_jj`.
    fn noise(&self) -> f64 {
        let terms = self
            .factor
            .features()
            .iter()
            .map(|&j| self.scales[j] * self.w[j].abs());
        ROUNDING * f64::EPSILON * terms.sum::<f64>()
    }

    /// The unit of violations of feature `j`.
    fn unit(&self, j: usize, lambda: f64) -> f64 {
        (lambda * self.l1[j])
            .max(ABSOLUTE * self.beta * self.scales[j])
            .max(f64::MIN_POSITIVE)
    }

    /// Largest violation on the active features beyond tolerance and noise, in their units; 0 if there is none.
    fn residual(&self, lambda: f64, tolerance: f64, noise: f64) -> f64 {
        let beyond = |(&j, sign): (&usize, &f64)| {
            let residual = (self.c[j] - lambda * self.l1[j] * sign).abs() - noise * self.scales[j];
            residual / self.unit(j, lambda) - tolerance
        };
        self.factor
            .features()
            .iter()
            .zip(&self.signs)
            .map(beyond)
            .fold(0.0, f64::max)
    }

    /// Features to let in, worst first.
    fn violators(&self, lambda: f64, tolerance: f64, noise: f64) -> Vec<usize> {
        let mut found = Vec::new();
        for j in (0..self.w.len()).filter(|&j| self.scales[j] > 0.0 && !self.is_active[j]) {
            let excess = self.c[j].abs() - lambda * self.l1[j];
            let unit = self.unit(j, lambda);
            if excess > tolerance * unit + noise * self.scales[j] {
                found.push((excess / unit, j));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.into_iter().map(|(_, j)| j).collect()
    }

    /// Largest violation over all features, in their units.
    fn violation(&self, lambda: f64) -> f64 {
        let features = self.factor.features().iter().zip(&self.signs);
        let active = features.map(|(&j, sign)| {
            (self.c[j] - lambda * self.l1[j] * sign).abs() / self.unit(j, lambda)
        });
        let others = (0..self.w.len()).filter(|&j| self.scales[j] > 0.0 && !self.is_active[j]);
        let inactive =
            others.map(|j| (self.c[j].abs() - lambda * self.l1[j]) / self.unit(j, lambda));
        active.chain(inactive).fold(0.0, f64::max)
    }

    /// Doubles the batch when most of the last one stayed, halves it when most were dropped; 1 after a stall.
    fn adapt_batch(&mut self, last: &[usize], progress: bool) {
        let stayed = last.iter().filter(|&&j| self.is_active[j]).count();
        if !progress {
            self.batch = 1;
        } else if 4 * stayed >= 3 * last.len() && last.len() >= self.batch {
            self.batch = (2 * self.batch).min(MAX_BATCH);
        } else if 2 * stayed < last.len() {
            self.batch = (self.batch / 2).max(1);
        }
    }
}
