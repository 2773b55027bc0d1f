//! Descent over the active groups: Newton steps with an exact line search, and exact minima over one group at a time.

use rayon::prelude::*;

use super::block::Block;
use super::cholesky::Factored;
use super::dot;
use super::quadratic::Quadratic;
use crate::Result;

/// First and largest addition to the diagonal, relative, where the Hessian is singular in floating point.
const JITTER: [f64; 4] = [1.0 / (1_u64 << 44) as f64, 1e-12, 1e-10, 1e-8];
/// Bisections of the line search.
const BISECTIONS: usize = 60;
/// A group that a step leaves with less than this fraction of its length and of the step has been crossed: it is zero.
const CROSSED: f64 = 1e-10;
/// Rows per task of a product with the Hessian.
const ROWS: usize = 64;

/// An active group.
#[derive(Debug, Clone)]
pub(super) struct Active {
    pub(super) group: usize,
    /// λ p_g.
    penalty: f64,
    /// Unit of violations.
    unit: f64,
    /// Largest `√H_jj`.
    scale: f64,
    start: usize,
    end: usize,
}

/// The problem on the features of the active groups, side by side.
#[derive(Debug, Clone)]
pub(super) struct Restricted {
    pub(super) active: Vec<Active>,
    pub(super) features: Vec<usize>,
    /// H of these features, row-major.
    hessian: Vec<f64>,
    b: Vec<f64>,
    pub(super) w: Vec<f64>,
    /// `b − H w`.
    c: Vec<f64>,
}

impl Restricted {
    /// `groups`: number, λ p, unit of violations, largest `√H_jj` and features of each; `w`: F coefficients.
    pub(super) fn new<'a>(
        problem: &Quadratic,
        groups: impl Iterator<Item = (usize, [f64; 3], &'a [usize])>,
        w: &[f64],
    ) -> Self {
        let (mut active, mut features) = (Vec::new(), Vec::new());
        for (group, [penalty, unit, scale], members) in groups {
            let start = features.len();
            features.extend_from_slice(members);
            active.push(Active {
                group,
                penalty,
                unit,
                scale,
                start,
                end: features.len(),
            });
        }
        let n = features.len();
        let mut hessian = vec![0.0; n * n];
        hessian
            .par_chunks_mut(n.max(1))
            .zip(&features)
            .for_each(|(row, &j)| problem.gather(j, &features, row));
        let mut restricted = Self {
            b: features.iter().map(|&j| problem.xty[j]).collect(),
            w: features.iter().map(|&j| w[j]).collect(),
            c: vec![0.0; n],
            active,
            features,
            hessian,
        };
        restricted.refresh();
        restricted
    }

    /// `H x`.
    fn product(&self, x: &[f64]) -> Vec<f64> {
        let rows = self.hessian.par_chunks_exact(x.len().max(1));
        rows.with_min_len(ROWS).map(|row| dot(row, x)).collect()
    }

    fn refresh(&mut self) {
        let product = self.product(&self.w);
        self.c = self.b.iter().zip(product).map(|(b, hw)| b - hw).collect();
    }

    /// Largest violation of the optimality conditions beyond `noise` times the scale, in units.
    pub(super) fn violation(&self, noise: f64) -> f64 {
        let of_group = |own: &Active| {
            let (w, c) = (&self.w[own.start..own.end], &self.c[own.start..own.end]);
            let norm = dot(w, w).sqrt();
            if norm == 0.0 {
                return (dot(c, c).sqrt() - own.penalty - noise * own.scale) / own.unit;
            }
            let residual = c
                .iter()
                .zip(w)
                .map(|(c, w)| (c - own.penalty * w / norm).powi(2));
            (residual.sum::<f64>().sqrt() - noise * own.scale) / own.unit
        };
        self.active.iter().map(of_group).fold(0.0, f64::max)
    }

    /// Moves each penalised group to its minimum with the others fixed; `blocks` by number of group.
    pub(super) fn sweep(&mut self, blocks: &mut [Option<Block>]) -> Result<()> {
        let n = self.features.len();
        for own in &self.active {
            if own.penalty == 0.0 {
                continue;
            }
            let range = own.start..own.end;
            let size = range.len();
            let rows = range
                .clone()
                .map(|i| &self.hessian[i * n + own.start..i * n + own.end]);
            if blocks[own.group].is_none() {
                let block: Vec<f64> = rows.clone().flatten().copied().collect();
                blocks[own.group] = Some(Block::new(&block, size)?);
            }
            let old = self.w[range.clone()].to_vec();
            let alone: Vec<f64> = rows
                .zip(range.clone())
                .map(|(row, i)| self.c[i] + dot(row, &old))
                .collect();
            let Some(block) = &blocks[own.group] else {
                continue;
            };
            let new = block.minimise(&alone, own.penalty);
            for ((i, new), old) in range.zip(&new).zip(&old) {
                let change = new - old;
                if change != 0.0 {
                    self.w[i] = *new;
                    let row = &self.hessian[i * n..(i + 1) * n];
                    for (c, h) in self.c.iter_mut().zip(row) {
                        *c -= change * h;
                    }
                }
            }
        }
        Ok(())
    }

    /// One Newton step with an exact line search, groups that it takes to zero included.
    ///
    /// The Hessian of `penalty ‖w_g‖` is `penalty/‖w_g‖ (1 − u uᵀ)`, `u = w_g/‖w_g‖`, and right only for steps shorter than
    /// `‖w_g‖`. Here it is `penalty/‖w_g‖ (1 − (z uᵀ + u zᵀ)/2)` with `z = c_g/max(penalty, ‖c_g‖)`, which is Newton's method
    /// for `penalty w_g = ‖w_g‖ c_g`, made symmetric: equal at the minimum, where z = u, and far from it such that groups
    /// on their way to zero no longer hold up the others (K. D. Andersen, E. Christiansen, A. R. Conn and M. L. Overton,
    /// SIAM J. Sci. Comput. 22, 243 (2000)). No group may be zero but unpenalised ones. The additions to the diagonal that
    /// a singular matrix needs change the step, not its end.
    ///
    /// # Errors
    /// [`crate::Error::Singular`] where no addition helps.
    pub(super) fn newton(&mut self) -> Result<()> {
        let n = self.features.len();
        let (mut matrix, mut gradient) = (self.hessian.clone(), self.c.clone());
        for own in self.active.iter().filter(|own| own.penalty > 0.0) {
            let (w, c) = (&self.w[own.start..own.end], &self.c[own.start..own.end]);
            let norm = dot(w, w).sqrt();
            let bound = own.penalty.max(dot(c, c).sqrt());
            let curvature = own.penalty / norm;
            for (i, (wi, ci)) in w.iter().zip(c).enumerate() {
                gradient[own.start + i] -= own.penalty * wi / norm;
                let row = &mut matrix[(own.start + i) * n + own.start..][..w.len()];
                for (k, (entry, (wk, ck))) in row.iter_mut().zip(w.iter().zip(c)).enumerate() {
                    let mixed = 0.5 * (ci * wk + wi * ck) / (bound * norm);
                    *entry += curvature * (f64::from(u8::from(i == k)) - mixed);
                }
            }
        }
        let step = solve(&mut matrix, &gradient)?;
        let product = self.product(&step);
        let fraction = self.line_search(&step, dot(&self.c, &step), dot(&product, &step));
        for own in &self.active {
            let range = own.start..own.end;
            let (w, d) = (&mut self.w[range.clone()], &step[range]);
            let scale = dot(w, w).sqrt() + fraction * dot(d, d).sqrt();
            for (w, d) in w.iter_mut().zip(d) {
                *w += fraction * d;
            }
            if own.penalty > 0.0 && dot(w, w).sqrt() <= CROSSED * scale {
                w.fill(0.0);
            }
        }
        self.refresh();
        Ok(())
    }

    /// Fraction of the step `d` that minimises the objective, at most 1, from `cᵀd` and `dᵀHd`.
    fn line_search(&self, step: &[f64], linear: f64, curvature: f64) -> f64 {
        let penalised = self.active.iter().filter(|own| own.penalty > 0.0);
        let norms: Vec<(f64, f64, f64, f64)> = penalised
            .map(|own| {
                let (w, d) = (&self.w[own.start..own.end], &step[own.start..own.end]);
                (own.penalty, dot(w, w), dot(w, d), dot(d, d))
            })
            .collect();
        let slope = |t: f64| {
            let of_group = |&(penalty, ww, wd, dd): &(f64, f64, f64, f64)| {
                let norm = (ww + 2.0 * t * wd + t * t * dd).max(0.0).sqrt();
                if norm > 0.0 {
                    penalty * (wd + t * dd) / norm
                } else {
                    0.0
                }
            };
            t * curvature - linear + norms.iter().map(of_group).sum::<f64>()
        };
        if slope(1.0) <= 0.0 {
            return 1.0;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (low + high);
            if slope(middle) <= 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// Whether a penalised group is zero.
    pub(super) fn has_zeros(&self) -> bool {
        self.active.iter().any(|own| self.is_zero(own))
    }

    /// Whether a penalised group has become zero.
    pub(super) fn is_zero(&self, own: &Active) -> bool {
        own.penalty > 0.0 && self.w[own.start..own.end].iter().all(|w| *w == 0.0)
    }
}

/// Solves with the smallest addition to the diagonal that makes the matrix positive definite.
fn solve(matrix: &mut [f64], rhs: &[f64]) -> Result<Vec<f64>> {
    let n = rhs.len();
    let mut last = None;
    for fraction in JITTER {
        let added: Vec<f64> = (0..n).map(|i| fraction * matrix[i * (n + 1)]).collect();
        match Factored::new(matrix, &added).and_then(|factored| factored.solve(rhs)) {
            Ok(solution) => return Ok(solution),
            Err(error) => last = Some(error),
        }
    }
    last.map_or_else(|| Ok(Vec::new()), Err)
}
