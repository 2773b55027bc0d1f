//! Forward selection: the feature or group with the largest gain per cost, one after the other.

use rayon::prelude::*;

use super::dot;
use super::groups::Groups;
use super::quadratic::Quadratic;
use super::{check_finite, check_penalties};
use crate::Result;

/// Features whose pivot is below this fraction of their diagonal depend on the chosen ones and are left out.
const DEPENDENT: f64 = 1e-10;
/// Elements per task: 8 KiB, so that they stay in the first-level cache.
const CHUNK: usize = 1024;

/// One step of [`ForwardSelection`].
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    /// Number of the group.
    pub group: usize,
    /// Decrease of the objective times two: of the weighted sum of squares, where there is no ridge penalty.
    pub gain: f64,
    /// Its features that are not combinations of those chosen before, in the order in which they came in.
    pub features: Vec<usize>,
}

/// Orthogonal least squares (S. Chen, S. A. Billings and W. Luo, Int. J. Control 50, 1873 (1989)) over groups.
///
/// Each step takes the group g with the largest `gain_g / cost_g`, where the gain is that of the best fit with the group
/// added, `gain_g = c_gᵀ S_g⁻¹ c_g` with the residual correlations `c = b − H w`, `H = G + diag(q)`, and the Schur
/// complement `S_g = H_gg − H_gA H_AA⁻¹ H_Ag` of the chosen features A. Orthogonal matching pursuit is the same with
/// `H_gg` in place of `S_g`; its choice is worse and here no cheaper.
///
/// The rows of `X = L⁻¹ H_A·`, with `L Lᵀ = H_AA`, are kept for all F features; a new one costs |A| F multiply-adds,
/// and `c`, the diagonal of S and its blocks follow by a rank-one update each. Memory: |A| F numbers.
///
/// # Example
///
/// ```
/// use mlip_rs::regression::ForwardSelection;
///
/// let gram = [1.0, 0.0, 0.0, 1.0];
/// let mut search = ForwardSelection::new(&gram[..], &[2.0, 3.0], &[0.0; 2], &[0, 1], &[1.0, 4.0], 0)?;
/// let first = search.step(2).unwrap();
/// assert_eq!((first.group, first.gain), (0, 4.0)); // 4 for a cost of 1 rather than 9 for 4
/// # Ok::<(), mlip_rs::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ForwardSelection<'a> {
    problem: Quadratic<'a>,
    groups: Groups,
    costs: Vec<f64>,
    screen: usize,
    /// Rows of X.
    rows: Vec<Vec<f64>>,
    c: Vec<f64>,
    /// Diagonal of S.
    pivots: Vec<f64>,
    /// Blocks of S of groups of several features, row-major; empty for the others and for those that are chosen.
    blocks: Vec<Vec<f64>>,
    open: Vec<bool>,
    explained: f64,
}

impl<'a> ForwardSelection<'a> {
    /// Checks the problem and takes in what costs nothing.
    ///
    /// `gram`: F×F row-major, both triangles; `xty` = b: F; `l2` = q: F numbers in [0, ∞); `groups`: F numbers below the
    /// length of `costs`, which are in [0, ∞]: 0 is always in, ∞ never. Features with `G_jj = 0` are never chosen.
    /// `screen`: gains are computed for this many groups only, those of the largest `Σ_j c_j²/S_jj` per cost; 0: for all.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Regression`] on wrong lengths, NaN or infinities, negative costs or penalties, an asymmetric matrix.
    pub fn new(
        gram: &'a [f64],
        xty: &'a [f64],
        l2: &'a [f64],
        groups: &[usize],
        costs: &[f64],
        screen: usize,
    ) -> Result<Self> {
        let n = xty.len();
        check_penalties("l2", l2, n)?;
        check_finite("l2", l2, n)?;
        check_penalties("costs", costs, costs.len())?;
        super::check_length("groups", groups.len(), n)?;
        let problem = Quadratic { gram, xty, l2 };
        problem.check()?;
        let groups = Groups::new(groups, costs.len(), |j| gram[j * n + j] > 0.0)?;
        let block = |g: usize| {
            let own = groups.of(g);
            let entries = own.iter().flat_map(|&j| own.iter().map(move |&k| (j, k)));
            match own.len() {
                0 | 1 => Vec::new(),
                _ => entries.map(|(j, k)| problem.entry(j, k)).collect(),
            }
        };
        let mut search = Self {
            blocks: (0..groups.len()).map(block).collect(),
            open: (0..groups.len())
                .map(|g| costs[g].is_finite() && !groups.of(g).is_empty())
                .collect(),
            groups,
            costs: costs.to_vec(),
            screen,
            rows: Vec::new(),
            c: xty.to_vec(),
            pivots: (0..n).map(|j| problem.entry(j, j)).collect(),
            explained: 0.0,
            problem,
        };
        for g in (0..search.groups.len()).filter(|&g| costs[g] == 0.0) {
            if search.open[g] {
                search.take(g);
            }
        }
        Ok(search)
    }

    /// Number of features chosen, those that cost nothing included.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.rows.len()
    }

    /// Takes the next group; none when no group with at most `room` features gains more than rounding errors.
    pub fn step(&mut self, room: usize) -> Option<Pick> {
        let mut candidates: Vec<usize> = (0..self.groups.len())
            .filter(|&g| self.open[g] && self.groups.of(g).len() <= room)
            .collect();
        if self.screen > 0 && candidates.len() > self.screen {
            let score = |g: usize| {
                let members = self.groups.of(g).iter();
                members.map(|&j| self.single(j)).sum::<f64>() / self.costs[g]
            };
            let mut scored: Vec<(f64, usize)> = candidates.iter().map(|&g| (score(g), g)).collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            candidates = scored[..self.screen].iter().map(|&(_, g)| g).collect();
            candidates.sort_unstable();
        }
        let scores: Vec<f64> = candidates
            .par_iter()
            .with_min_len(64)
            .map(|&g| self.gain(g) / self.costs[g])
            .collect();
        let mut best = (0.0, None);
        for (&score, &g) in scores.iter().zip(&candidates) {
            if score > best.0 {
                best = (score, Some(g));
            }
        }
        let group = best.1?;
        (self.gain(group) > f64::EPSILON * self.explained).then(|| self.take(group))
    }

    fn independent(&self, j: usize, pivot: f64) -> bool {
        pivot > DEPENDENT * self.problem.entry(j, j)
    }

    /// Gain of one feature.
    fn single(&self, j: usize) -> f64 {
        if self.independent(j, self.pivots[j]) {
            self.c[j].powi(2) / self.pivots[j]
        } else {
            0.0
        }
    }

    /// `c_gᵀ S_g⁻¹ c_g` by the Cholesky factor of the independent part of `S_g`.
    fn gain(&self, group: usize) -> f64 {
        let own = self.groups.of(group);
        if let &[j] = own {
            return self.single(j);
        }
        let n = own.len();
        let mut factor = vec![0.0; n * n];
        let (mut kept, mut solved): (Vec<usize>, Vec<f64>) = (Vec::new(), Vec::new());
        for (i, &j) in own.iter().enumerate() {
            let (above, row) = factor.split_at_mut(kept.len() * n);
            for (m, &k) in kept.iter().enumerate() {
                let other = &above[m * n..];
                let rest = self.blocks[group][i * n + k] - dot(&row[..m], &other[..m]);
                row[m] = rest / other[m];
            }
            let m = kept.len();
            let pivot = self.blocks[group][i * n + i] - dot(&row[..m], &row[..m]);
            if self.independent(j, pivot) {
                row[m] = pivot.sqrt();
                solved.push((self.c[j] - dot(&row[..m], &solved)) / row[m]);
                kept.push(i);
            }
        }
        dot(&solved, &solved)
    }

    /// Takes a group in.
    fn take(&mut self, group: usize) -> Pick {
        self.open[group] = false;
        self.blocks[group] = Vec::new();
        let (mut features, mut gain) = (Vec::new(), 0.0);
        for j in self.groups.of(group).to_vec() {
            if self.independent(j, self.pivots[j]) {
                gain += self.add(j);
                features.push(j);
            }
        }
        self.explained += gain;
        Pick {
            group,
            gain,
            features,
        }
    }

    /// Appends the row of X of feature `j`; returns its gain.
    fn add(&mut self, j: usize) -> f64 {
        let n = self.problem.len();
        let root = self.pivots[j].sqrt();
        let mut new = self.problem.gram[j * n..(j + 1) * n].to_vec();
        new[j] = self.problem.entry(j, j);
        let rows = &self.rows;
        new.par_chunks_mut(CHUNK)
            .enumerate()
            .for_each(|(chunk, out)| {
                let range = chunk * CHUNK..chunk * CHUNK + out.len();
                for row in rows {
                    let factor = row[j];
                    for (value, x) in out.iter_mut().zip(&row[range.clone()]) {
                        *value -= factor * x;
                    }
                }
                for value in out {
                    *value /= root;
                }
            });
        let z = self.c[j] / root;
        for ((c, pivot), x) in self.c.iter_mut().zip(&mut self.pivots).zip(&new) {
            *c -= z * x;
            *pivot -= x * x;
        }
        let groups = &self.groups;
        self.blocks
            .par_iter_mut()
            .enumerate()
            .with_min_len(64)
            .for_each(|(g, block)| {
                let own = groups.of(g);
                for (row, &i) in block.chunks_exact_mut(own.len().max(1)).zip(own) {
                    for (entry, &k) in row.iter_mut().zip(own) {
                        *entry -= new[i] * new[k];
                    }
                }
            });
        self.rows.push(new);
        z * z
    }
}
