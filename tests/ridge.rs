//! Ridge solves against their equations.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::Random;
use mlip_rs::regression::{
    RidgeInverse, solve_positive, solve_positive_each, solve_positive_in_place,
    solve_positive_nested,
};

fn message<T: std::fmt::Debug>(result: mlip_rs::Result<T>) -> String {
    result.unwrap_err().to_string()
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
fn ridge_solves_satisfy_their_equations_on_a_support() {
    let gram = large_gram(30);
    let rhs: Vec<f64> = (0..30).map(|j| f64::from(j % 17) - 8.0).collect();
    let support = [4, 29, 0, 17];
    let ridge = vec![0.01; 30];
    let w = solve_positive(&gram, &ridge, &rhs, Some(&support)).unwrap();
    for (at, &j) in support.iter().enumerate() {
        let terms = support.iter().zip(&w).map(|(&k, w)| gram[j * 30 + k] * w);
        assert!((terms.sum::<f64>() + 0.01 * w[at] - rhs[j]).abs() < 1e-12);
    }
    let on_none = solve_positive(&gram, &ridge, &rhs, Some(&[])).unwrap();
    assert!(on_none.is_empty());
    let on_all = solve_positive(&gram, &ridge, &rhs, None).unwrap();
    assert_eq!(on_all.len(), 30);
}

#[test]
fn nested_solves_are_those_of_each_support() {
    let gram = large_gram(700);
    let rhs: Vec<f64> = (0..700).map(|j| f64::from(j % 17) - 8.0).collect();
    let ridge = vec![0.01; 700];
    let order: Vec<usize> = (0..700).map(|k| (k * 37) % 700).collect();
    let sizes = [699, 0, 300, 1, 300];
    let found = solve_positive_nested(&gram, &ridge, &rhs, &order, &sizes).unwrap();
    for (w, size) in found.iter().zip(sizes) {
        let own = solve_positive(&gram, &ridge, &rhs, Some(&order[..size])).unwrap();
        assert_eq!(w.len(), size);
        for (a, b) in w.iter().zip(&own) {
            assert!((a - b).abs() < 1e-9, "{size}: {a} {b}");
        }
    }
    assert!(solve_positive_nested(&gram, &ridge, &rhs, &order, &[701]).is_err());
    let indefinite = vec![-10.0; 700];
    let refused = solve_positive_nested(&gram, &indefinite, &rhs, &order, &sizes);
    assert!(matches!(refused, Err(mlip_rs::Error::Singular(_))));
}

#[test]
fn blocked_solves_satisfy_their_equations_and_give_the_matrix_back_to_the_bit() {
    for n in [1, 255, 256, 257, 700, 1301] {
        let gram = large_gram(n);
        let mut random = Random::new(19);
        let rhs: Vec<f64> = (0..n).map(|_| random.next()).collect();
        let ridge: Vec<f64> = (0..n).map(|_| random.next().abs()).collect();
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
fn large_systems_are_the_same_bits_for_any_number_of_threads_on_any_support() {
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
fn a_singular_matrix_comes_back_unchanged_and_names_the_feature() {
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

#[test]
fn singular_ridge_solve_says_to_increase_the_regularisation() {
    let gram = [1.0, 1.0, 1.0, 1.0];
    let ridges = [vec![0.0; 2], vec![1.0; 2]];
    let mut solved = solve_positive_each(&gram, &ridges, &[1.0, 1.0], None);
    let third = solved.pop().unwrap().unwrap();
    assert!(third.iter().all(|w| (w - 1.0 / 3.0).abs() < 1e-15));
    let text = message(solved.pop().unwrap());
    assert!(
        text.contains("not positive definite") && text.contains("increase the regularisation"),
        "{text}"
    );
}

#[test]
fn bad_supports_and_matrices_are_refused_by_name() {
    let good = [2.0, 1.0, 1.0, 2.0];
    let ones = [1.0, 1.0];
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
fn what_features_lose_is_what_the_objective_loses_without_them() {
    let n = 900; // several panels
    let gram = large_gram(n);
    let mut random = Random::new(5);
    let rhs: Vec<f64> = (0..n).map(|_| random.next()).collect();
    let ridge: Vec<f64> = (0..n).map(|_| random.next().abs()).collect();
    // The objective ½ wᵀ(G + D)w − bᵀw at its minimum is −½ bᵀw; Δ is twice its growth.
    let value = |features: &[usize]| {
        let w = solve_positive(&gram, &ridge, &rhs, Some(features)).unwrap();
        features
            .iter()
            .zip(&w)
            .map(|(&k, w)| rhs[k] * w)
            .sum::<f64>()
    };
    let features: Vec<usize> = (0..n).filter(|k| k % 3 != 1).collect();
    let mut inverse = RidgeInverse::new(&gram, &ridge, &rhs, &features).unwrap();
    let mut left: Vec<usize> = (0..features.len()).collect();
    let of = |left: &[usize]| left.iter().map(|&p| features[p]).collect::<Vec<usize>>();
    for group in [vec![7], vec![190, 3, 42, 3], (60..140).rev().collect()] {
        let before = value(&of(&left));
        left.retain(|position| !group.contains(position));
        let losses = inverse.losses(&[&group, &group], &[f64::INFINITY, 1e-12]);
        assert!(
            (losses[0] / (before - value(&of(&left))) - 1.0).abs() < 1e-9,
            "{group:?}"
        );
        assert_eq!(losses[1].is_infinite(), group.len() > 48, "{group:?}");
        assert!(inverse.remove(&group));
        let w = solve_positive(&gram, &ridge, &rhs, Some(&of(&left))).unwrap();
        for (&position, w) in left.iter().zip(&w) {
            assert!((inverse.coefficients()[position] - w).abs() < 1e-10);
        }
    }
    assert!(inverse.remove(&[]));
    assert!(!inverse.remove(&[7])); // it has left: nothing is left to divide by
}

#[test]
fn inverses_are_the_same_bits_for_any_number_of_threads_and_refuse_what_is_singular() {
    let n = 700;
    let gram = large_gram(n);
    let rhs: Vec<f64> = (0..n)
        .map(|k| f64::from(u8::try_from(k % 9).unwrap()))
        .collect();
    let features: Vec<usize> = (0..n).collect();
    let bits = |threads| {
        mlip_rs::parallel::pool(threads).unwrap().install(|| {
            let mut inverse = RidgeInverse::new(&gram, &vec![0.1; n], &rhs, &features).unwrap();
            assert!(inverse.remove(&features[20..90]));
            let groups: Vec<&[usize]> = features[100..].chunks(60).collect();
            let losses = inverse.losses(&groups, &vec![f64::INFINITY; groups.len()]);
            [inverse.coefficients(), &inverse.diagonal(), &losses].concat()
        })
    };
    assert!(bits(1) == bits(3));
    let zeros = vec![0.0; n * n];
    let refused = message(RidgeInverse::new(&zeros, &vec![0.0; n], &rhs, &features));
    assert!(refused.contains("not positive definite"), "{refused}");
    let twice = message(RidgeInverse::new(&gram, &vec![0.1; n], &rhs, &[3, 3]));
    assert!(twice.contains("repeated"), "{twice}");
}
