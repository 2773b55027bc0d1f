//! Normal equations of random designs, shared by the tests of the regression.

use mlip_rs::regression::{ElasticNet, Solution};

/// Violation of the optimality conditions asked of the solver, relative.
pub const TOLERANCE: f64 = 1e-8;
pub const UNLIMITED: usize = usize::MAX;

/// A small deterministic generator (`SplitMix64`).
pub struct Random(pub u64);

impl Random {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Sum of twelve uniforms: close enough to a normal deviate.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Normal equations `G = XᵀX/n`, `b = Xᵀy/n`.
pub struct Problem {
    pub gram: Vec<f64>,
    pub xty: Vec<f64>,
    pub l1: Vec<f64>,
    pub l2: Vec<f64>,
}

impl Problem {
    pub fn from_rows(rows: &[Vec<f64>], targets: &[f64]) -> Self {
        let f = rows[0].len();
        let n = rows.len() as f64;
        let mut gram = vec![0.0; f * f];
        let mut xty = vec![0.0; f];
        for (row, y) in rows.iter().zip(targets) {
            for j in 0..f {
                xty[j] += row[j] * y / n;
                for k in 0..f {
                    gram[j * f + k] += row[j] * row[k] / n;
                }
            }
        }
        Self {
            gram,
            xty,
            l1: vec![1.0; f],
            l2: vec![0.0; f],
        }
    }

    pub fn solver(&self) -> ElasticNet<&[f64]> {
        ElasticNet::new(&self.gram[..], &self.xty, &self.l1, &self.l2).unwrap()
    }

    pub fn len(&self) -> usize {
        self.xty.len()
    }

    /// `b − (G + Q) w`.
    pub fn gradient(&self, w: &[f64]) -> Vec<f64> {
        let f = self.len();
        let product = |j: usize| (0..f).map(|k| self.gram[j * f + k] * w[k]).sum::<f64>();
        (0..f)
            .map(|j| self.xty[j] - product(j) - self.l2[j] * w[j])
            .collect()
    }

    /// Fails unless `w` is optimal at `lambda` to `tolerance · λ_max`-sized errors.
    pub fn assert_optimal(&self, w: &[f64], lambda: f64, slack: f64) {
        for (j, c) in self.gradient(w).into_iter().enumerate() {
            if self.gram[j * self.len() + j] == 0.0 || self.l1[j].is_infinite() {
                assert_eq!(
                    w[j].to_bits(),
                    0.0_f64.to_bits(),
                    "feature {j} must stay out"
                );
                continue;
            }
            let bound = lambda * self.l1[j];
            let violation = if w[j] == 0.0 {
                c.abs() - bound
            } else {
                (c - bound * w[j].signum()).abs()
            };
            assert!(
                violation <= slack,
                "feature {j}: w {} c {c} bound {bound} violation {violation:e}",
                w[j]
            );
        }
    }

    /// Walks down `n` points to `ratio · λ_max`, checks every one.
    pub fn assert_optimal_path(&self, n: usize, ratio: f64) -> Vec<Solution> {
        let mut solver = self.solver();
        let lambda_max = solver.lambda_max();
        let mut path = Vec::new();
        for i in 0..n {
            let lambda = lambda_max * ratio.powf(i as f64 / (n - 1) as f64);
            let solution = solver.step(lambda, TOLERANCE, UNLIMITED).unwrap();
            assert!(solution.reached);
            self.assert_optimal(&solution.coefficients, lambda, 1e-6 * lambda);
            assert_eq!(
                solution.n_active,
                solution.coefficients.iter().filter(|w| **w != 0.0).count()
            );
            path.push(solution);
        }
        path
    }

    /// Cyclic coordinate descent, run long: slow and obvious.
    pub fn coordinate_descent(&self, lambda: f64, sweeps: usize) -> Vec<f64> {
        let f = self.len();
        let mut w = vec![0.0; f];
        for _ in 0..sweeps {
            for j in 0..f {
                let diagonal = self.gram[j * f + j] + self.l2[j];
                let others: f64 =
                    (0..f).map(|k| self.gram[j * f + k] * w[k]).sum::<f64>() + self.l2[j] * w[j];
                let rho = self.xty[j] - others + diagonal * w[j];
                w[j] = rho.signum() * (rho.abs() - lambda * self.l1[j]).max(0.0) / diagonal;
            }
        }
        w
    }
}

pub fn random_problem(f: usize, n: usize, seed: u64) -> Problem {
    let mut random = Random(seed);
    let rows: Vec<Vec<f64>> = (0..n)
        .map(|_| (0..f).map(|_| random.normal()).collect())
        .collect();
    let targets: Vec<f64> = rows
        .iter()
        .map(|x| x[0] - 2.0 * x[f / 2] + x[f - 1] + 0.5 * random.normal())
        .collect();
    Problem::from_rows(&rows, &targets)
}

/// Powers and products of overlapping Gaussians of one distance, standardised: condition beyond 1e15.
pub fn polynomial_problem(n_gaussians: usize, n: usize, seed: u64) -> Problem {
    let mut random = Random(seed);
    let mut rows = Vec::new();
    let mut targets = Vec::new();
    for _ in 0..n {
        let distances: Vec<f64> = (0..6).map(|_| 2.0 + 4.0 * random.uniform()).collect();
        let gaussian = |i: usize| {
            let center = 2.0 + 4.0 * i as f64 / n_gaussians as f64;
            distances
                .iter()
                .map(|r| (-(r - center).powi(2)).exp())
                .sum::<f64>()
        };
        let d: Vec<f64> = (0..n_gaussians).map(gaussian).collect();
        let mut row = d.clone();
        for i in 0..d.len() {
            row.extend(d[i..].iter().map(|x| x * d[i]));
        }
        targets.push(-d[2].sqrt() + (3.0 * d[5]).sin() + 0.05 * random.normal());
        rows.push(row);
    }
    standardise(&mut rows);
    Problem::from_rows(&rows, &targets)
}

pub fn standardise(rows: &mut [Vec<f64>]) {
    let n = rows.len() as f64;
    for j in 0..rows[0].len() {
        let mean = rows.iter().map(|row| row[j]).sum::<f64>() / n;
        let deviation = (rows.iter().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / n).sqrt();
        for row in rows.iter_mut() {
            row[j] = (row[j] - mean) / deviation;
        }
    }
}
