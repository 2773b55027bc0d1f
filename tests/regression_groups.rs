//! Group LASSO and forward selection against their definitions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::Random;
use mlip_rs::regression::{ElasticNet, ForwardSelection, GroupLasso, solve_positive};

/// Violation of the optimality conditions asked of the solver, relative.
const TOLERANCE: f64 = 1e-8;
/// The same when checked from outside, for gradients that are summed in another order.
const SLACK: f64 = 1e-7;
const UNLIMITED: usize = usize::MAX;

/// Normal equations on features of unit norm, with groups and their weights.
struct Problem {
    gram: Vec<f64>,
    xty: Vec<f64>,
    l2: Vec<f64>,
    groups: Vec<usize>,
    weights: Vec<f64>,
}

impl Problem {
    fn from_rows(rows: &[Vec<f64>], targets: &[f64], groups: &[usize]) -> Self {
        let f = groups.len();
        let norms: Vec<f64> = (0..f)
            .map(|j| rows.iter().map(|x| x[j] * x[j]).sum::<f64>().sqrt())
            .map(|norm| if norm > 0.0 { norm } else { 1.0 })
            .collect();
        let mut gram = vec![0.0; f * f];
        let mut xty = vec![0.0; f];
        for (row, y) in rows.iter().zip(targets) {
            for j in 0..f {
                xty[j] += row[j] * y / norms[j];
                for k in 0..f {
                    gram[j * f + k] += row[j] * row[k] / (norms[j] * norms[k]);
                }
            }
        }
        let n_groups = groups.iter().max().unwrap() + 1;
        let size = |g: usize| groups.iter().filter(|&&own| own == g).count() as f64;
        Self {
            gram,
            xty,
            l2: vec![0.0; f],
            groups: groups.to_vec(),
            weights: (0..n_groups).map(|g| size(g).sqrt()).collect(),
        }
    }

    fn solver(&self) -> GroupLasso<&[f64]> {
        GroupLasso::new(
            &self.gram[..],
            &self.xty,
            &self.l2,
            &self.groups,
            &self.weights,
        )
        .unwrap()
    }

    fn members(&self, group: usize) -> Vec<usize> {
        (0..self.groups.len())
            .filter(|&j| self.groups[j] == group && self.gram[j * self.groups.len() + j] > 0.0)
            .collect()
    }

    fn gradient(&self, w: &[f64]) -> Vec<f64> {
        let f = self.xty.len();
        let product = |j: usize| (0..f).map(|k| self.gram[j * f + k] * w[k]).sum::<f64>();
        (0..f)
            .map(|j| self.xty[j] - product(j) - self.l2[j] * w[j])
            .collect()
    }

    /// Fails unless `w` is optimal at `lambda`.
    fn assert_optimal(&self, w: &[f64], lambda: f64) {
        let c = self.gradient(w);
        for g in 0..self.weights.len() {
            let own = self.members(g);
            let norm_of = |v: &[f64]| own.iter().map(|&j| v[j] * v[j]).sum::<f64>().sqrt();
            let (norm, penalty) = (norm_of(w), lambda * self.weights[g]);
            if penalty.is_infinite() {
                assert!(norm == 0.0, "group {g} must stay out");
                continue;
            }
            let violation = if norm == 0.0 {
                norm_of(&c) - penalty
            } else {
                let residual = own.iter().map(|&j| (c[j] - penalty * w[j] / norm).powi(2));
                residual.sum::<f64>().sqrt()
            };
            assert!(
                violation <= SLACK * lambda.max(1e-3),
                "group {g}, norm {norm}: {violation:e}"
            );
        }
        for j in (0..w.len()).filter(|&j| self.gram[j * w.len() + j] == 0.0) {
            assert_eq!(w[j].to_bits(), 0, "feature {j} never occurs");
        }
    }

    /// Walks `n` points down to `ratio · λ_max`; returns the largest number of coefficients.
    fn assert_optimal_path(&self, n: usize, ratio: f64) -> usize {
        let mut solver = self.solver();
        let mut most = 0;
        for i in 0..n {
            let lambda = solver.lambda_max() * ratio.powf(i as f64 / (n - 1) as f64);
            let solution = solver.step(lambda, TOLERANCE, UNLIMITED).unwrap();
            let left = solution.kkt_violation;
            assert!(
                solution.reached,
                "point {i} of {n}: violation {left:e} left"
            );
            self.assert_optimal(&solution.coefficients, lambda);
            most = most.max(solution.n_active);
        }
        most
    }
}

/// Blocks of `size` random features, of which three matter.
fn random_problem(n_groups: usize, size: usize, n: usize, seed: u64) -> (Vec<Vec<f64>>, Vec<f64>) {
    let mut random = Random::new(seed);
    let f = n_groups * size;
    let rows: Vec<Vec<f64>> = (0..n)
        .map(|_| (0..f).map(|_| random.next()).collect())
        .collect();
    let targets = rows
        .iter()
        .map(|x| x[0] - x[1] + 2.0 * x[f / 2] + 0.5 * x[f - 1] + 0.1 * random.next())
        .collect();
    (rows, targets)
}

fn blocks(n_groups: usize, size: usize) -> Vec<usize> {
    (0..n_groups * size).map(|j| j / size).collect()
}

/// Overlapping Gaussians and their powers, a group for each Gaussian: condition beyond 1e12.
fn polynomial_problem(n_gaussians: usize, n: usize) -> Problem {
    let mut random = Random::new(3);
    let (mut rows, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let distances: Vec<f64> = (0..6).map(|_| 4.0 + 2.0 * random.next()).collect();
        let sum = |f: &dyn Fn(f64) -> f64| distances.iter().map(|r| f(*r)).sum::<f64>();
        let mut row = Vec::new();
        for i in 0..n_gaussians {
            let center = 2.0 + 4.0 * i as f64 / n_gaussians as f64;
            let d = sum(&|r| (-(r - center).powi(2)).exp());
            row.extend([d, d * d, d * d * d]);
        }
        targets.push(sum(&|r| (3.0 * r).sin() / r) + 0.01 * random.next());
        rows.push(row);
    }
    Problem::from_rows(&rows, &targets, &blocks(n_gaussians, 3))
}

#[test]
fn group_conditions_hold_along_the_path() {
    let (rows, targets) = random_problem(12, 4, 100, 1);
    Problem::from_rows(&rows, &targets, &blocks(12, 4)).assert_optimal_path(25, 1e-4);
    // More features than rows: G is singular.
    let (rows, targets) = random_problem(20, 5, 40, 2);
    Problem::from_rows(&rows, &targets, &blocks(20, 5)).assert_optimal_path(25, 1e-3);
    let mut problem = polynomial_problem(14, 400);
    problem.l2.fill(1e-8);
    let most = problem.assert_optimal_path(40, 1e-3);
    assert!(most > 10, "{most}");
}

#[test]
fn group_conditions_hold_with_ridge_free_and_excluded_groups() {
    let mut problem = polynomial_problem(10, 300);
    for j in 0..30 {
        problem.l2[j] = 1e-4 * (j % 4) as f64;
    }
    (
        problem.weights[2],
        problem.weights[5],
        problem.weights[7],
        problem.weights[8],
    ) = (0.0, f64::INFINITY, 0.3, 9.0);
    problem.assert_optimal_path(30, 1e-4);
}

#[test]
fn group_conditions_hold_after_one_large_step() {
    // The strong rule throws out what the solution needs: the check over all groups must bring it back.
    let problem = polynomial_problem(14, 400);
    let mut solver = problem.solver();
    for ratio in [1.0, 1e-4, 0.3, 1e-5] {
        let lambda = ratio * solver.lambda_max();
        let solution = solver.step(lambda, TOLERANCE, UNLIMITED).unwrap();
        problem.assert_optimal(&solution.coefficients, lambda);
    }
}

#[test]
fn groups_that_never_occur_and_collinear_columns_keep_the_solution_optimal() {
    let (mut rows, targets) = random_problem(8, 3, 60, 4);
    for row in &mut rows {
        row[4] = 2.0 * row[3]; // within a group
        row[6] = row[0] - row[1]; // across groups
        row[9..12].copy_from_slice(&[0.0; 3]); // a group
        row[13] = 0.0; // a feature of a group
        let copy: [f64; 3] = row[12..15].try_into().unwrap();
        row[15..18].copy_from_slice(&copy); // a copy of a group
    }
    let mut groups = blocks(8, 3);
    for group in groups.iter_mut().filter(|group| **group >= 5) {
        *group += 2; // two numbers without features
    }
    let mut problem = Problem::from_rows(&rows, &targets, &groups);
    problem.assert_optimal_path(25, 1e-4);
    // A copy of an unpenalised group, unpenalised: G restricted to them is singular.
    (problem.weights[4], problem.weights[7], problem.weights[3]) = (0.0, 0.0, 0.0);
    problem.assert_optimal_path(25, 1e-4);
}

#[test]
fn groups_of_one_are_the_lasso() {
    let (rows, targets) = random_problem(30, 1, 80, 5);
    let mut problem = Problem::from_rows(&rows, &targets, &blocks(30, 1));
    problem.l2.fill(0.01);
    let mut lasso =
        ElasticNet::new(&problem.gram[..], &problem.xty, &[1.0; 30], &problem.l2).unwrap();
    let mut groups = problem.solver();
    assert!((groups.lambda_max() - lasso.lambda_max()).abs() < 1e-12 * lasso.lambda_max());
    for ratio in [0.7, 0.2, 0.01, 1e-4] {
        let lambda = ratio * lasso.lambda_max();
        let expected = lasso
            .step(lambda, TOLERANCE, UNLIMITED)
            .unwrap()
            .coefficients;
        let found = groups
            .step(lambda, TOLERANCE, UNLIMITED)
            .unwrap()
            .coefficients;
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-7 && (*a == 0.0) == (*b == 0.0));
        }
    }
}

#[test]
fn a_growing_l2_equals_a_new_solver_with_that_l2() {
    let problem = polynomial_problem(10, 300);
    let ones = vec![1.0; 30];
    let mut net = ElasticNet::new(&problem.gram[..], &problem.xty, &ones, &problem.l2).unwrap();
    let lambda_max = net.lambda_max();
    for ratio in [0.5, 0.1, 1e-2, 1e-3] {
        let (lambda, l2) = (ratio * lambda_max, vec![0.3 * ratio * lambda_max; 30]);
        net.set_l2(&l2).unwrap();
        let found = net.step(lambda, TOLERANCE, UNLIMITED).unwrap().coefficients;
        let mut fresh = ElasticNet::new(&problem.gram[..], &problem.xty, &ones, &l2).unwrap();
        let expected = fresh
            .step(lambda, TOLERANCE, UNLIMITED)
            .unwrap()
            .coefficients;
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-6 * (1.0 + b.abs()), "{a} against {b}");
        }
    }
    assert!(net.set_l2(&[-1.0; 30]).is_err());
}

#[test]
fn planted_groups_are_recovered() {
    let (rows, _) = random_problem(40, 4, 400, 6);
    let targets: Vec<f64> = rows
        .iter()
        .map(|x| x[8] - x[9] + 0.5 * x[11] + 2.0 * x[100] + x[103])
        .collect();
    let problem = Problem::from_rows(&rows, &targets, &blocks(40, 4));
    let mut solver = problem.solver();
    let lambda = 0.1 * solver.lambda_max();
    let w = solver
        .step(lambda, TOLERANCE, UNLIMITED)
        .unwrap()
        .coefficients;
    let found: Vec<usize> = (0..160).filter(|&j| w[j] != 0.0).collect();
    assert_eq!(found, [8, 9, 10, 11, 100, 101, 102, 103]);
    let mut search = forward(&problem, &vec![1.0; 40], 0);
    let picks = [search.step(UNLIMITED), search.step(UNLIMITED)].map(|pick| pick.unwrap().group);
    assert_eq!(picks, [25, 2]);
    // Nothing is left but rounding errors.
    assert_eq!(search.step(UNLIMITED), None);
}

#[test]
fn max_active_ends_the_path_of_groups() {
    let problem = polynomial_problem(12, 300);
    let mut solver = problem.solver();
    let lambda = 1e-3 * solver.lambda_max();
    let stopped = solver.step(lambda, TOLERANCE, 9).unwrap();
    assert!(!stopped.reached && stopped.n_active <= 9);
}

fn forward<'a>(problem: &'a Problem, costs: &[f64], screen: usize) -> ForwardSelection<'a> {
    let (gram, xty, l2) = (&problem.gram, &problem.xty, &problem.l2);
    ForwardSelection::new(gram, xty, l2, &problem.groups, costs, screen).unwrap()
}

/// `bᵀw` of the ridge fit to some groups: what the fit explains.
fn explained(problem: &Problem, groups: &[usize]) -> f64 {
    let support: Vec<usize> = groups.iter().flat_map(|&g| problem.members(g)).collect();
    let w = solve_positive(&problem.gram, &problem.l2, &problem.xty, Some(&support)).unwrap();
    support
        .iter()
        .zip(w)
        .map(|(&j, w)| problem.xty[j] * w)
        .sum()
}

#[test]
fn forward_selection_takes_the_largest_gain_per_cost() {
    let (rows, targets) = random_problem(15, 3, 100, 7);
    let mut problem = Problem::from_rows(&rows, &targets, &blocks(15, 3));
    problem.l2.fill(1e-3);
    let mut costs: Vec<f64> = (0..15).map(|g| 1.0 + f64::from(g % 4)).collect();
    (costs[3], costs[5]) = (0.0, f64::INFINITY);
    let mut search = forward(&problem, &costs, 0);
    assert_eq!(search.n_features(), 3);
    let mut chosen = vec![3];
    for _ in 0..12 {
        let before = explained(&problem, &chosen);
        let gain = |g: usize| explained(&problem, &[&chosen[..], &[g]].concat()) - before;
        let open = (0..15).filter(|g| !chosen.contains(g) && costs[*g].is_finite());
        let best = open
            .max_by(|&a, &b| (gain(a) / costs[a]).total_cmp(&(gain(b) / costs[b])))
            .unwrap();
        let pick = search.step(UNLIMITED).unwrap();
        assert_eq!(pick.group, best);
        assert!((pick.gain - gain(best)).abs() < 1e-8 * before);
        chosen.push(best);
    }
    assert_eq!(search.step(2), None); // no room for a group of three
    assert_eq!(search.n_features(), 39);
}

#[test]
fn a_screen_of_one_takes_the_largest_correlation() {
    // b: features 1 and 2 together explain all, each alone little; feature 0 correlates most.
    let gram = [1.0, 0.5, 0.5, 0.5, 1.0, -0.5, 0.5, -0.5, 1.0];
    let problem = Problem {
        gram: gram.to_vec(),
        xty: vec![0.9, 0.5, 0.5],
        l2: vec![0.0; 3],
        groups: vec![0, 1, 1],
        weights: vec![1.0; 2],
    };
    assert_eq!(forward(&problem, &[1.0, 1.0], 0).step(9).unwrap().group, 1);
    assert_eq!(forward(&problem, &[1.0, 1.0], 1).step(9).unwrap().group, 0);
}

#[test]
fn forward_selection_leaves_out_what_depends_on_the_chosen() {
    let (mut rows, targets) = random_problem(10, 2, 50, 8);
    for row in &mut rows {
        (row[5], row[7], row[9]) = (row[0] + row[1], 3.0 * row[6], 0.0);
    }
    let problem = Problem::from_rows(&rows, &targets, &blocks(10, 2));
    let mut search = forward(&problem, &[1.0; 10], 0);
    let mut features = Vec::new();
    while let Some(pick) = search.step(UNLIMITED) {
        features.extend(pick.features);
    }
    features.sort_unstable();
    features.dedup();
    assert_eq!(features.len(), 17);
    assert!(!features.contains(&9));
}

#[test]
fn group_input_errors_name_the_culprit() {
    let gram = [2.0, 1.0, 1.0, 2.0];
    let ones = [1.0, 1.0];
    let message = |groups: &[usize], weights: &[f64]| {
        let error = GroupLasso::new(&gram[..], &ones, &ones, groups, weights).unwrap_err();
        let same = ForwardSelection::new(&gram, &ones, &ones, groups, weights, 0).unwrap_err();
        assert_eq!(
            error.to_string().replace("weights", "costs"),
            same.to_string()
        );
        error.to_string()
    };
    assert!(message(&[0], &ones).contains("groups: expected 2 entries, got 1"));
    assert!(message(&[0, 2], &ones).contains("groups: feature 1 is in group 2"));
    assert!(message(&[0, 1], &[1.0, -1.0]).contains("weights: entry 1 is -1"));
    let mut path = GroupLasso::new(&gram[..], &ones, &ones, &[0, 1], &ones).unwrap();
    for (lambda, tolerance, word) in [(-1.0, 1e-6, "lambda"), (1.0, 0.0, "tolerance")] {
        let error = path.step(lambda, tolerance, 9).unwrap_err();
        assert!(error.to_string().contains(word));
    }
    let indefinite = [1.0, 2.0, 2.0, 1.0];
    let mut path =
        GroupLasso::new(&indefinite[..], &[1.0, -1.0], &[0.0; 2], &[0, 1], &ones).unwrap();
    let error = path.step(0.01, TOLERANCE, 9).unwrap_err().to_string();
    assert!(error.contains("positive semi-definite"), "{error}");
}
