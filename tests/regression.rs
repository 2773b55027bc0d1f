//! The elastic-net path against its optimality conditions and slow oracles.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/problems.rs"]
mod problems;

use mlip_rs::regression::{ElasticNet, solve_positive, solve_positive_each};
use problems::{Problem, Random, TOLERANCE, UNLIMITED, polynomial_problem, random_problem};

/// Agreement of coefficients on well-conditioned problems.
const AGREEMENT: f64 = 1e-7;

fn assert_close(a: &[f64], b: &[f64], tolerance: f64) {
    for (j, (x, y)) in a.iter().zip(b).enumerate() {
        assert!(
            (x - y).abs() <= tolerance * (1.0 + y.abs()),
            "entry {j}: {x} against {y}"
        );
    }
}

#[test]
fn kkt_conditions_hold_along_the_path_of_a_random_design() {
    random_problem(40, 100, 1).assert_optimal_path(30, 1e-4);
    // More features than rows: G is singular.
    random_problem(80, 30, 2).assert_optimal_path(30, 1e-4);
}

#[test]
fn kkt_conditions_hold_along_the_path_of_a_polynomial_design() {
    let path = polynomial_problem(14, 600, 3).assert_optimal_path(60, 1e-5);
    assert!(path.last().unwrap().n_active > 20);
}

#[test]
fn kkt_conditions_hold_with_weights_ridge_free_and_excluded_features() {
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
fn a_looser_tolerance_is_met_and_reported() {
    let problem = polynomial_problem(12, 400, 6);
    let mut solver = problem.solver();
    let lambda = 1e-3 * solver.lambda_max();
    let solution = solver.step(lambda, 1e-3, UNLIMITED).unwrap();
    assert!(solution.kkt_violation <= 1e-3);
    problem.assert_optimal(&solution.coefficients, lambda, 1.01e-3 * lambda);
}

#[test]
fn duplicated_features_keep_the_solution_optimal() {
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
fn zero_features_are_never_selected() {
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
fn all_zero_problem_has_the_zero_solution() {
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
fn planted_sparse_coefficients_are_recovered() {
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
fn orthogonal_design_is_soft_thresholding_exactly() {
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
fn lambda_max_gives_zero_and_less_does_not() {
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
fn unpenalised_features_never_shrink() {
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
fn path_equals_coordinate_descent_on_well_conditioned_data() {
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
fn no_penalty_is_least_squares() {
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
fn warm_start_equals_cold_start_in_any_order_of_lambda() {
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
fn max_active_stops_the_path_and_says_so() {
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
fn results_are_the_same_bits_for_one_and_two_threads() {
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

fn message<T: std::fmt::Debug>(result: mlip_rs::Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn bad_input_is_refused_by_name() {
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
}

#[test]
fn indefinite_gram_is_an_error_and_leaves_the_solver_usable() {
    let gram = [1.0, 2.0, 2.0, 1.0];
    let mut solver = ElasticNet::new(&gram[..], &[1.0, -1.0], &[1.0; 2], &[0.0; 2]).unwrap();
    assert!(message(solver.step(0.1, TOLERANCE, UNLIMITED)).contains("positive semi-definite"));
    assert_eq!(
        solver.step(1.0, TOLERANCE, UNLIMITED).unwrap().coefficients,
        [0.0; 2]
    );
}
