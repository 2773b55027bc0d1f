//! Quintic Hermite interpolation of columns: value, slope and curvature at the nodes, and coefficients between them.

use super::column::Column;
use super::table::{N_COEFFICIENTS, Piece, Seen};

/// Step of the differences that give curvatures, Å; shorter in short pieces.
pub(super) const DIFFERENCE: f64 = 1e-3;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Side {
    Below,
    Above,
}

pub(super) fn on_cutoff(column: &Column, r: f64) -> bool {
    column.0.iter().any(|(f, _)| (f.cutoff - r).abs() < 1e-9)
}

/// Value, slope and curvature at a node of a piece, the curvature from what lies in the piece and inside the cutoff:
/// it, or derivatives that the differences rely on, may jump at the ends.
pub(super) fn jet(column: &Column, r: f64, seen: Seen, piece: &Piece, side: Side) -> [f64; 3] {
    let mut sum = [0.0; 3];
    let (u, du) = seen(r);
    for (function, weight) in &column.0 {
        // A node on the cutoff belongs to the inside when seen from below.
        let outside =
            r > function.cutoff - 1e-9 && (side == Side::Above || r > function.cutoff + 1e-9);
        if outside {
            continue;
        }
        let slope = |r: f64| {
            let (u, du) = seen(r);
            function.value_and_derivative(u).1 * du
        };
        let h = DIFFERENCE.min((piece.end - piece.start) / 100.0);
        let end = function.cutoff.min(piece.end);
        let curvature = if r + 2.0 * h >= end {
            (25.0 * slope(r.min(function.cutoff * (1.0 - 1e-15))) - 48.0 * slope(r - h)
                + 36.0 * slope(r - 2.0 * h)
                - 16.0 * slope(r - 3.0 * h)
                + 3.0 * slope(r - 4.0 * h))
                / (12.0 * h)
        } else if r - 2.0 * h <= piece.start {
            (-25.0 * slope(r) + 48.0 * slope(r + h) - 36.0 * slope(r + 2.0 * h)
                + 16.0 * slope(r + 3.0 * h)
                - 3.0 * slope(r + 4.0 * h))
                / (12.0 * h)
        } else {
            (8.0 * (slope(r + h) - slope(r - h)) - (slope(r + 2.0 * h) - slope(r - 2.0 * h)))
                / (12.0 * h)
        };
        let (f, df) = function.value_and_derivative(u);
        sum[0] += weight * f;
        sum[1] += weight * df * du;
        sum[2] += weight * curvature;
    }
    sum
}

/// Coefficients in t of the quintic that has these values, slopes and curvatures at 0 and `step`.
pub(super) fn hermite(left: [f64; 3], right: [f64; 3], step: f64) -> [f64; N_COEFFICIENTS] {
    let [a, b, c] = [left[0], left[1] * step, 0.5 * left[2] * step * step];
    let [d, e, f] = [
        right[0] - a - b - c,
        right[1] * step - b - 2.0 * c,
        right[2] * step * step - 2.0 * c,
    ];
    [
        a,
        b,
        c,
        10.0 * d - 4.0 * e + 0.5 * f,
        -15.0 * d + 7.0 * e - f,
        6.0 * d - 3.0 * e + 0.5 * f,
    ]
}
