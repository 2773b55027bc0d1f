//! The elastic-net path and ridge solves against their optimality conditions and slow oracles.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mlip_rs::regression::{
    ElasticNet, Solution, solve_positive, solve_positive_each, solve_positive_in_place,
};

/// Violation of the optimality conditions asked of the solver, relative.
const TOLERANCE: f64 = 1e-8;
/// Agreement of coefficients on well-conditioned problems.
const AGREEMENT: f64 = 1e-7;
const UNLIMITED: usize = usize::MAX;

/// A small deterministic generator (`SplitMix64`).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Sum of twelve uniforms: close enough to a normal deviate.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Normal equations `G = XᵀX/n`, `b = Xᵀy/n`.
struct Problem {
    gram: Vec<f64>,
    xty: Vec<f64>,
    l1: Vec<f64>,
    l2: Vec<f64>,
}

impl Problem {
    fn from_rows(rows: &[Vec<f64>], targets: &[f64]) -> Self {
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

    fn solver(&self) -> ElasticNet<&[f64]> {
        ElasticNet::new(&self.gram[..], &self.xty, &self.l1, &self.l2).unwrap()
    }

    fn len(&self) -> usize {
        self.xty.len()
    }

    /// `b − (G + Q) w`.
    fn gradient(&self, w: &[f64]) -> Vec<f64> {
        let f = self.len();
        let product = |j: usize| (0..f).map(|k| self.gram[j * f + k] * w[k]).sum::<f64>();
        (0..f)
            .map(|j| self.xty[j] - product(j) - self.l2[j] * w[j])
            .collect()
    }

    /// Fails unless `w` is optimal at `lambda` to `tolerance · λ_max`-sized errors.
    fn assert_optimal(&self, w: &[f64], lambda: f64, slack: f64) {
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
    fn assert_optimal_path(&self, n: usize, ratio: f64) -> Vec<Solution> {
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
    fn coordinate_descent(&self, lambda: f64, sweeps: usize) -> Vec<f64> {
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

fn random_problem(f: usize, n: usize, seed: u64) -> Problem {
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
fn polynomial_problem(n_gaussians: usize, n: usize, seed: u64) -> Problem {
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

fn standardise(rows: &mut [Vec<f64>]) {
    let n = rows.len() as f64;
    for j in 0..rows[0].len() {
        let mean = rows.iter().map(|row| row[j]).sum::<f64>() / n;
        let deviation = (rows.iter().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / n).sqrt();
        for row in rows.iter_mut() {
            row[j] = (row[j] - mean) / deviation;
        }
    }
}

fn assert_close(a: &[f64], b: &[f64], tolerance: f64) {
    for (j, (x, y)) in a.iter().zip(b).enumerate() {
        assert!(
            (x - y).abs() <= tolerance * (1.0 + y.abs()),
            "entry {j}: {x} against {y}"
        );
    }
}

#[test]
fn test_kkt_conditions_hold_along_the_path_of_a_random_design() {
    random_problem(40, 100, 1).assert_optimal_path(30, 1e-4);
    // More features than rows: G is singular.
    random_problem(80, 30, 2).assert_optimal_path(30, 1e-4);
}

#[test]
fn test_kkt_conditions_hold_along_the_path_of_a_polynomial_design() {
    let path = polynomial_problem(14, 600, 3).assert_optimal_path(60, 1e-5);
    assert!(path.last().unwrap().n_active > 20);
}

#[test]
fn test_kkt_conditions_hold_with_weights_ridge_free_and_excluded_features() {
    let mut problem = polynomial_problem(10, 300, 4);
    let mut random = Random(5);
    for j in 0..problem.len() {
        problem.l1[j] = 10.0_f64.powf(2.0 * random.uniform() - 1.0);
        problem.l2[j] = if j % 3 == 0 {
            0.0
        } else {
            1e-4 * random.uniform()
        };
    }
    (problem.l1[3], problem.l1[17], problem.l1[8]) = (0.0, 0.0, f64::INFINITY);
    problem.assert_optimal_path(40, 1e-4);
}

#[test]
fn test_a_looser_tolerance_is_met_and_reported() {
    let problem = polynomial_problem(12, 400, 6);
    let mut solver = problem.solver();
    let lambda = 1e-3 * solver.lambda_max();
    let solution = solver.step(lambda, 1e-3, UNLIMITED).unwrap();
    assert!(solution.kkt_violation <= 1e-3);
    problem.assert_optimal(&solution.coefficients, lambda, 1.01e-3 * lambda);
}

#[test]
fn test_duplicated_features_keep_the_solution_optimal() {
    for l2 in [0.0, 1e-6] {
        let mut random = Random(7);
        let mut rows: Vec<Vec<f64>> = (0..60)
            .map(|_| (0..12).map(|_| random.normal()).collect())
            .collect();
        let targets: Vec<f64> = rows
            .iter()
            .map(|x| x[1] - x[4] + 0.3 * x[7] + 0.1 * random.normal())
            .collect();
        for row in &mut rows {
            let copies = [
                row[1],
                row[4],
                row[4],
                -row[7],
                row[2] + row[3],
                2.0 * row[1],
            ];
            row.extend(copies);
        }
        let mut problem = Problem::from_rows(&rows, &targets);
        problem.l2.fill(l2);
        problem.assert_optimal_path(40, 1e-5);
        problem.l1[1] = 0.0;
        problem.assert_optimal_path(40, 1e-5);
        // The copy of an unpenalised feature, unpenalised: G restricted to them is singular.
        problem.l1[17] = 0.0;
        problem.assert_optimal_path(40, 1e-5);
    }
}

#[test]
fn test_zero_features_are_never_selected() {
    let mut random = Random(8);
    let mut rows: Vec<Vec<f64>> = (0..50)
        .map(|_| (0..10).map(|_| random.normal()).collect())
        .collect();
    for row in &mut rows {
        (row[2], row[9]) = (0.0, 0.0);
    }
    let targets: Vec<f64> = rows.iter().map(|x| x[1] + x[5]).collect();
    let mut problem = Problem::from_rows(&rows, &targets);
    problem.l1[9] = 0.0;
    problem.assert_optimal_path(20, 1e-6);
}

#[test]
fn test_all_zero_problem_has_the_zero_solution() {
    let (gram, zeros) = (vec![0.0; 9], vec![0.0; 3]);
    let mut solver = ElasticNet::new(&gram[..], &zeros, &[1.0; 3], &zeros).unwrap();
    assert_eq!(solver.lambda_max().to_bits(), 0.0_f64.to_bits());
    assert_eq!(
        solver.step(0.0, TOLERANCE, UNLIMITED).unwrap().coefficients,
        zeros
    );
    let mut empty = ElasticNet::new(Vec::new(), &[], &[], &[]).unwrap();
    assert!(
        empty
            .step(1.0, TOLERANCE, UNLIMITED)
            .unwrap()
            .coefficients
            .is_empty()
    );
}

#[test]
fn test_planted_sparse_coefficients_are_recovered() {
    let mut random = Random(9);
    let planted = [(3, 1.5), (40, -2.0), (77, 0.7), (110, -0.4)];
    let rows: Vec<Vec<f64>> = (0..300)
        .map(|_| (0..150).map(|_| random.normal()).collect())
        .collect();
    let targets: Vec<f64> = rows
        .iter()
        .map(|x| planted.iter().map(|&(j, w)| w * x[j]).sum())
        .collect();
    let problem = Problem::from_rows(&rows, &targets);
    let mut solver = problem.solver();
    let lambda_max = solver.lambda_max();
    let support = |w: &[f64]| -> Vec<usize> { (0..w.len()).filter(|&j| w[j] != 0.0).collect() };
    let at_tenth = solver.step(0.1 * lambda_max, TOLERANCE, UNLIMITED).unwrap();
    assert_eq!(support(&at_tenth.coefficients), [3, 40, 77, 110]);
    // The refit on the support carries no shrinkage: exact.
    let refit = solve_positive(
        &problem.gram,
        &[0.0; 150],
        &problem.xty,
        Some(&[3, 40, 77, 110]),
    )
    .unwrap();
    assert_close(&refit, &planted.map(|(_, w)| w), 1e-12);
}

#[test]
fn test_orthogonal_design_is_soft_thresholding_exactly() {
    let xty = [3.0, -2.0, 0.5, -0.25, 1.0];
    let diagonal = [1.0, 4.0, 2.0, 1.0, 0.5];
    let l1 = [1.0, 0.5, 2.0, 1.0, 0.0];
    let l2 = [0.0, 4.0, 0.0, 1.0, 0.5];
    let mut gram = [0.0; 25];
    for j in 0..5 {
        gram[6 * j] = diagonal[j];
    }
    let mut solver = ElasticNet::new(&gram[..], &xty, &l1, &l2).unwrap();
    for lambda in [4.0, 2.0, 1.0, 0.5, 0.125, 0.0] {
        let w = solver
            .step(lambda, TOLERANCE, UNLIMITED)
            .unwrap()
            .coefficients;
        for j in 0..5 {
            let shrunk: f64 = (xty[j].abs() - lambda * l1[j]).max(0.0) / (diagonal[j] + l2[j]);
            // Signs and powers of two: no rounding but that of the square root in the factor.
            assert!(
                (w[j] - shrunk.copysign(xty[j])).abs() <= 4.0 * f64::EPSILON,
                "feature {j} at {lambda}"
            );
            assert_eq!(w[j] == 0.0, shrunk == 0.0);
        }
    }
}

#[test]
fn test_lambda_max_gives_zero_and_less_does_not() {
    for problem in [random_problem(30, 60, 10), polynomial_problem(10, 300, 11)] {
        let mut solver = problem.solver();
        let lambda_max = solver.lambda_max();
        assert_eq!(
            solver
                .step(lambda_max, TOLERANCE, UNLIMITED)
                .unwrap()
                .n_active,
            0
        );
        assert_eq!(
            solver
                .step(2.0 * lambda_max, TOLERANCE, UNLIMITED)
                .unwrap()
                .n_active,
            0
        );
        assert_eq!(
            solver
                .step(0.999 * lambda_max, TOLERANCE, UNLIMITED)
                .unwrap()
                .n_active,
            1
        );
    }
}

#[test]
fn test_unpenalised_features_never_shrink() {
    let mut problem = random_problem(20, 80, 12);
    (problem.l1[0], problem.l1[10]) = (0.0, 0.0);
    let mut solver = problem.solver();
    let lambda_max = solver.lambda_max();
    let fit = solve_positive(&problem.gram, &[0.0; 20], &problem.xty, Some(&[0, 10])).unwrap();
    let at_max = solver.step(lambda_max, TOLERANCE, UNLIMITED).unwrap();
    assert_eq!(at_max.n_active, 2);
    assert_close(
        &[at_max.coefficients[0], at_max.coefficients[10]],
        &fit,
        1e-12,
    );
    let below = solver.step(0.5 * lambda_max, TOLERANCE, UNLIMITED).unwrap();
    let c = problem.gradient(&below.coefficients);
    assert!(c[0].abs() < 1e-13 && c[10].abs() < 1e-13);
}

#[test]
fn test_path_equals_coordinate_descent_on_well_conditioned_data() {
    let mut problem = random_problem(25, 200, 13);
    problem.l1[4] = 3.0;
    problem.l2.fill(0.05);
    let mut solver = problem.solver();
    let lambda_max = solver.lambda_max();
    for ratio in [0.5, 0.1, 0.01, 1e-3] {
        let ours = solver
            .step(ratio * lambda_max, TOLERANCE, UNLIMITED)
            .unwrap();
        assert_close(
            &ours.coefficients,
            &problem.coordinate_descent(ratio * lambda_max, 500),
            AGREEMENT,
        );
    }
}

#[test]
fn test_no_penalty_is_least_squares() {
    let problem = random_problem(15, 60, 14);
    let w = problem
        .solver()
        .step(0.0, TOLERANCE, UNLIMITED)
        .unwrap()
        .coefficients;
    assert_close(
        &w,
        &solve_positive(&problem.gram, &[0.0; 15], &problem.xty, None).unwrap(),
        1e-10,
    );
}

#[test]
fn test_warm_start_equals_cold_start_in_any_order_of_lambda() {
    let problem = random_problem(30, 100, 15);
    let mut warm = problem.solver();
    let lambda_max = warm.lambda_max();
    for ratio in [0.5, 0.1, 0.01, 0.3, 1e-3, 0.9, 1e-4] {
        let here = warm.step(ratio * lambda_max, TOLERANCE, UNLIMITED).unwrap();
        let cold = problem
            .solver()
            .step(ratio * lambda_max, TOLERANCE, UNLIMITED)
            .unwrap();
        assert_close(&here.coefficients, &cold.coefficients, AGREEMENT);
    }
}

#[test]
fn test_max_active_stops_the_path_and_says_so() {
    let problem = random_problem(30, 100, 16);
    let mut solver = problem.solver();
    let lambda_max = solver.lambda_max();
    let stopped = solver.step(1e-3 * lambda_max, TOLERANCE, 5).unwrap();
    assert!(!stopped.reached && stopped.n_active <= 5 && stopped.kkt_violation > TOLERANCE);
    let resumed = solver
        .step(1e-3 * lambda_max, TOLERANCE, UNLIMITED)
        .unwrap();
    assert!(resumed.reached && resumed.n_active > 5);
}

#[test]
fn test_results_are_the_same_bits_for_one_and_two_threads() {
    let problem = polynomial_problem(50, 400, 17);
    assert!(problem.len() > 1024, "more than one block of the gradient");
    let run = |threads: usize| -> Vec<u64> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut solver = problem.solver();
            let lambda_max = solver.lambda_max();
            let step = |i: i32| {
                solver
                    .step(lambda_max * 0.7_f64.powi(i), TOLERANCE, UNLIMITED)
                    .unwrap()
                    .coefficients
            };
            let mut numbers: Vec<f64> = (0..20).flat_map(step).collect();
            let ridges = [
                vec![1e-3; problem.len()],
                vec![1e-2; problem.len()],
                vec![1.0; problem.len()],
            ];
            let solved = solve_positive_each(&problem.gram, &ridges, &problem.xty, None);
            numbers.extend(solved.into_iter().flat_map(Result::unwrap));
            numbers.into_iter().map(f64::to_bits).collect()
        })
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn test_ridge_solves_satisfy_their_equations_on_a_support() {
    let problem = random_problem(30, 20, 18);
    let support = [4, 29, 0, 17];
    let ridge = vec![0.01; 30];
    let w = solve_positive(&problem.gram, &ridge, &problem.xty, Some(&support)).unwrap();
    for &j in &support {
        let product: f64 = support
            .iter()
            .zip(&w)
            .map(|(&k, w)| problem.gram[j * 30 + k] * w)
            .sum();
        let own = w[support.iter().position(|&k| k == j).unwrap()];
        assert!((product + 0.01 * own - problem.xty[j]).abs() < 1e-13);
    }
    assert!(
        solve_positive(&problem.gram, &ridge, &problem.xty, Some(&[]))
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        solve_positive(&problem.gram, &ridge, &problem.xty, None)
            .unwrap()
            .len(),
        30
    );
}

/// `G_jk = 1/(1 + |j − k|)` plus a varying diagonal: well conditioned, no two rows alike.
fn large_gram(n: usize) -> Vec<f64> {
    let entry = |j: usize, k: usize| {
        let diagonal = if j == k { 1.0 + (j % 5) as f64 } else { 0.0 };
        1.0 / (1.0 + j.abs_diff(k) as f64) + diagonal
    };
    (0..n * n).map(|at| entry(at / n, at % n)).collect()
}

#[test]
fn test_blocked_solves_satisfy_their_equations_and_give_the_matrix_back_to_the_bit() {
    for n in [1, 255, 256, 257, 700, 1301] {
        let gram = large_gram(n);
        let mut random = Random(19);
        let rhs: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let ridge: Vec<f64> = (0..n).map(|_| random.uniform()).collect();
        let mut work = gram.clone();
        let w = solve_positive_in_place(&mut work, &ridge, &rhs).unwrap();
        assert!(work == gram, "{n}");
        assert_eq!(w, solve_positive(&gram, &ridge, &rhs, None).unwrap());
        for j in 0..n {
            let row = &gram[j * n..(j + 1) * n];
            let product: f64 = row.iter().zip(&w).map(|(g, w)| g * w).sum();
            assert!((product + ridge[j] * w[j] - rhs[j]).abs() < 1e-11, "{n}");
        }
    }
}

#[test]
fn test_large_systems_are_the_same_bits_for_any_number_of_threads_on_any_support() {
    let n = 1301;
    let gram = large_gram(n);
    let rhs: Vec<f64> = (0..n).map(|j| (j % 17) as f64 - 8.0).collect();
    let ridges = [vec![1e-3; n], vec![0.5; n]];
    let support: Vec<usize> = (0..n).rev().filter(|j| j % 13 != 5).collect();
    let run = |threads: usize| {
        mlip_rs::parallel::pool(threads).unwrap().install(|| {
            let mut work = gram.clone();
            let in_place = solve_positive_in_place(&mut work, &ridges[0], &rhs).unwrap();
            let mut all = vec![in_place];
            for support in [None, Some(&support[..])] {
                let solved = solve_positive_each(&gram, &ridges, &rhs, support);
                all.extend(solved.into_iter().map(Result::unwrap));
            }
            all
        })
    };
    let single = run(1);
    assert_eq!(single[0], single[1]);
    for threads in [2, 3] {
        assert_eq!(single, run(threads));
    }
}

#[test]
fn test_a_singular_matrix_comes_back_unchanged_and_names_the_feature() {
    let n = 600;
    let mut gram = large_gram(n);
    // Feature 500 becomes a copy of feature 3.
    for k in 0..n {
        gram[500 * n + k] = gram[3 * n + k];
    }
    for k in 0..n {
        gram[k * n + 500] = gram[k * n + 3];
    }
    // Exactly dependent, to be sure that rounding does not save it.
    gram[500 * n + 500] -= 1e-9;
    let before = gram.clone();
    let text = message(solve_positive_in_place(
        &mut gram,
        &vec![0.0; n],
        &vec![1.0; n],
    ));
    assert!(text.contains("pivot 500 of 600, feature 500"), "{text}");
    assert!(gram == before);
    gram[7] = f64::INFINITY;
    let text = message(solve_positive_in_place(
        &mut gram,
        &vec![0.0; n],
        &vec![1.0; n],
    ));
    assert!(text.contains("entry (0, 7) is inf"), "{text}");
}

fn message<T: std::fmt::Debug>(result: mlip_rs::Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn test_singular_ridge_solve_says_to_increase_the_regularisation() {
    let gram = [1.0, 1.0, 1.0, 1.0];
    let ridges = [vec![0.0; 2], vec![1.0; 2]];
    let mut solved = solve_positive_each(&gram, &ridges, &[1.0, 1.0], None);
    assert_close(
        &solved.pop().unwrap().unwrap(),
        &[1.0 / 3.0, 1.0 / 3.0],
        1e-15,
    );
    let text = message(solved.pop().unwrap());
    assert!(
        text.contains("not positive definite") && text.contains("increase the regularisation"),
        "{text}"
    );
}

#[test]
fn test_bad_input_is_refused_by_name() {
    let good = [2.0, 1.0, 1.0, 2.0];
    let new = |gram: &[f64], xty: &[f64], l1: &[f64], l2: &[f64]| {
        message(ElasticNet::new(gram.to_vec(), xty, l1, l2))
    };
    let ones = [1.0, 1.0];
    assert!(new(&good[..3], &ones, &ones, &ones).contains("gram"));
    assert!(new(&good, &[1.0, f64::NAN], &ones, &ones).contains("xty: entry 1 is NaN"));
    assert!(new(&good, &ones, &[1.0, -1.0], &ones).contains("l1: entry 1 is -1"));
    assert!(new(&good, &ones, &[1.0, f64::NAN], &ones).contains("l1"));
    assert!(new(&good, &ones, &ones, &[f64::INFINITY, 0.0]).contains("l2"));
    assert!(new(&good, &ones, &ones, &ones[..1]).contains("l2: expected 2 entries, got 1"));
    assert!(new(&[2.0, f64::NAN, 1.0, 2.0], &ones, &ones, &ones).contains("finite and equal"));
    assert!(new(&[2.0, 0.0, 1.0, 2.0], &ones, &ones, &ones).contains("both triangles"));
    assert!(new(&[-2.0, 1.0, 1.0, 2.0], &ones, &ones, &ones).contains("diagonal"));
    let mut solver = ElasticNet::new(&good[..], &ones, &ones, &ones).unwrap();
    assert!(message(solver.step(-1.0, TOLERANCE, 9)).contains("lambda"));
    assert!(message(solver.step(f64::NAN, TOLERANCE, 9)).contains("lambda"));
    assert!(message(solver.step(1.0, 0.0, 9)).contains("tolerance"));
    assert!(message(solve_positive(&good, &ones, &ones, Some(&[0, 2]))).contains("out of range"));
    assert!(message(solve_positive(&good, &ones, &ones, Some(&[1, 1]))).contains("repeated"));
    assert!(
        message(solve_positive(
            &[2.0, f64::NAN, 1.0, 2.0],
            &ones,
            &ones,
            None
        ))
        .contains("gram: entry (0, 1)")
    );
}

#[test]
fn test_indefinite_gram_is_an_error_and_leaves_the_solver_usable() {
    let gram = [1.0, 2.0, 2.0, 1.0];
    let mut solver = ElasticNet::new(&gram[..], &[1.0, -1.0], &[1.0; 2], &[0.0; 2]).unwrap();
    assert!(message(solver.step(0.1, TOLERANCE, UNLIMITED)).contains("positive semi-definite"));
    assert_eq!(
        solver.step(1.0, TOLERANCE, UNLIMITED).unwrap().coefficients,
        [0.0; 2]
    );
}
