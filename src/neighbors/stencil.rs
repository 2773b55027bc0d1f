//! Which bins can hold neighbours of an atom in a given bin.

use super::grid::{Grid, bin_edges};
use crate::geometry::{Cell, MIN_HEIGHT, Vector, combine, dot, norm, scale};
use crate::{Error, Result};

/// Images within reach at most; more means an absurd cell for the cutoff.
const MAX_IMAGES: f64 = 1e6;

/// A run of bins along the first axis, relative to the bin of the centre.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub first: isize,
    pub last: isize,
    pub y: isize,
    pub z: isize,
}

/// Part of a run inside one image of the cell: atoms `start..end` in sorted order, translated by image `shift`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub start: usize,
    pub end: usize,
    pub shift: u32,
}

/// The bins around a bin that come within reach of it, the same for every bin of the grid.
pub(super) struct Stencil {
    runs: Vec<Run>,
    /// Images −extent to +extent occur along each axis; zero along non-periodic ones.
    extents: [i32; 3],
    /// How far the runs go along each axis.
    offsets: [isize; 3],
    shape: [isize; 3],
    pbc: [bool; 3],
}

impl Stencil {
    /// Finds the bins of `grid` that come as close as `reach` (Å) to the bin of a centre.
    pub(super) fn new(cell: &Cell, grid: &Grid, reach: f64) -> Result<Self> {
        let pbc = cell.pbc();
        let shape = grid.shape.map(|n| n as isize);
        // Bins n apart have n − 1 bins between them; beyond the end of an open axis there is nothing.
        let offsets: [isize; 3] = std::array::from_fn(|k| {
            let far = 1.0 + (reach / grid.steps[k]).floor();
            let limit = if pbc[k] {
                f64::INFINITY
            } else {
                shape[k] as f64 - 1.0
            };
            far.min(limit) as isize
        });
        let extents = std::array::from_fn(|k| {
            if pbc[k] {
                (offsets[k] as usize).div_ceil(grid.shape[k]) as i32
            } else {
                0
            }
        });
        let n_images: f64 = extents.iter().map(|&n| f64::from(2 * n + 1)).product();
        if n_images > MAX_IMAGES {
            return Err(flattest(cell));
        }
        let probe = Probe::new(bin_edges(cell, grid.steps), grid.steps, reach);
        let mut runs = Vec::new();
        for z in -offsets[2]..=offsets[2] {
            for y in -offsets[1]..=offsets[1] {
                // The distance is convex along the run, so that the bins in reach have no gap.
                let mut in_reach = (-offsets[0]..=offsets[0]).filter(|&x| probe.reaches([x, y, z]));
                if let Some(first) = in_reach.next() {
                    let last = in_reach.next_back().unwrap_or(first);
                    runs.push(Run { first, last, y, z });
                }
            }
        }
        Ok(Self {
            runs,
            extents,
            offsets,
            shape,
            pbc,
        })
    }

    /// The images that segments refer to, in the order of their `shift`.
    pub(super) fn images(&self) -> Vec<[i32; 3]> {
        let [x, y, z] = self.extents.map(|n| -n..=n);
        z.flat_map(|c| {
            let x = x.clone();
            y.clone()
                .flat_map(move |b| x.clone().map(move |a| [a, b, c]))
        })
        .collect()
    }

    /// The `shift` of the cell itself.
    pub(super) fn home(&self) -> u32 {
        self.shift([0; 3])
    }

    fn shift(&self, image: [isize; 3]) -> u32 {
        let [x, y, z]: [isize; 3] = std::array::from_fn(|k| image[k] + self.extents[k] as isize);
        let [width, depth, _] = self.extents.map(|n| 2 * n as isize + 1);
        ((z * depth + y) * width + x) as u32
    }

    /// Collects the non-empty segments around the bin at `place`, in a fixed order.
    pub(super) fn segments(&self, grid: &Grid, place: [isize; 3], segments: &mut Vec<Segment>) {
        segments.clear();
        let [width, depth, _] = self.shape;
        if (0..3).all(|k| (self.offsets[k]..self.shape[k] - self.offsets[k]).contains(&place[k])) {
            // Far from the boundary, every run is one segment of the cell itself.
            let (shift, bin) = (
                self.home(),
                (place[2] * depth + place[1]) * width + place[0],
            );
            for run in &self.runs {
                let row = bin + (run.z * depth + run.y) * width;
                let start = grid.starts[(row + run.first) as usize] as usize;
                let end = grid.starts[(row + run.last + 1) as usize] as usize;
                if start < end {
                    segments.push(Segment { start, end, shift });
                }
            }
            return;
        }
        for run in &self.runs {
            let (Some((z, image_z)), Some((y, image_y))) = (
                self.fold(2, place[2] + run.z),
                self.fold(1, place[1] + run.y),
            ) else {
                continue;
            };
            let row = (z * self.shape[1] + y) * self.shape[0];
            let (mut x, mut last) = (place[0] + run.first, place[0] + run.last);
            if !self.pbc[0] {
                (x, last) = (x.max(0), last.min(self.shape[0] - 1));
            }
            while x <= last {
                let (inside, image_x) = fold(x, self.shape[0]);
                let count = (last - x).min(self.shape[0] - 1 - inside) + 1;
                let start = grid.starts[(row + inside) as usize] as usize;
                let end = grid.starts[(row + inside + count) as usize] as usize;
                if start < end {
                    let shift = self.shift([image_x, image_y, image_z]);
                    segments.push(Segment { start, end, shift });
                }
                x += count;
            }
        }
    }

    /// Bin and image along an axis; `None` beyond the end of an open one.
    fn fold(&self, axis: usize, bin: isize) -> Option<(isize, isize)> {
        let (inside, image) = fold(bin, self.shape[axis]);
        (image == 0 || self.pbc[axis]).then_some((inside, image))
    }
}

fn fold(bin: isize, n: isize) -> (isize, isize) {
    // Divisions are slow and almost never needed.
    if (0..n).contains(&bin) {
        (bin, 0)
    } else {
        (bin.rem_euclid(n), bin.div_euclid(n))
    }
}

fn flattest(cell: &Cell) -> Error {
    let heights = cell.frame().heights();
    let periodic = (0..3).filter(|&k| cell.pbc()[k]);
    let axis = periodic
        .min_by(|&p, &q| heights[p].total_cmp(&heights[q]))
        .unwrap_or(0);
    let height = heights.get(axis).copied().unwrap_or(MIN_HEIGHT);
    Error::FlatCell { axis, height }
}

/// Decides whether two bins come within reach of each other.
struct Probe {
    edges: [Vector; 3],
    steps: Vector,
    reach: f64,
}

impl Probe {
    fn new(edges: [Vector; 3], steps: Vector, reach: f64) -> Self {
        Self {
            edges,
            steps,
            reach,
        }
    }

    /// False only if no point of the bin at `offset` is within reach of any point of the bin at the origin.
    ///
    /// Differences of such points are `v = Σ_k (offset_k + t_k) e_k` with `|t_k| ≤ 1` and `e_k` the edges of a bin.
    /// Coordinate descent looks for the shortest `v`. It stops when a `v` within reach is found, or when the plane
    /// perpendicular to the current `v` that supports the set of all `v` is out of reach, which proves the claim
    /// whether or not the descent has converged.
    fn reaches(&self, offset: [isize; 3]) -> bool {
        const MAX_SWEEPS: usize = 50;
        let offset = offset.map(|n| n as f64);
        if (0..3).any(|k| (offset[k].abs() - 1.0) * self.steps[k] > self.reach) {
            return false;
        }
        let center = combine(offset, &self.edges);
        let mut t = offset.map(|n| (-n).clamp(-1.0, 1.0));
        for _ in 0..MAX_SWEEPS {
            for k in 0..3 {
                let v = self.difference(offset, t);
                let along = dot(v, self.edges[k]) / dot(self.edges[k], self.edges[k]);
                t[k] = (t[k] - along).clamp(-1.0, 1.0);
            }
            let v = self.difference(offset, t);
            let length = norm(v);
            if length <= self.reach {
                return true;
            }
            let normal = scale(v, length.recip());
            let width: f64 = self.edges.iter().map(|&edge| dot(normal, edge).abs()).sum();
            if dot(normal, center) - width > self.reach {
                return false;
            }
        }
        true
    }

    fn difference(&self, offset: Vector, t: Vector) -> Vector {
        combine(std::array::from_fn(|k| offset[k] + t[k]), &self.edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cubic_bins_reach_exactly_those_within_the_cutoff() {
        let edges = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let probe = Probe::new(edges, [1.0; 3], 2.0);
        let gap = |n: isize| (n.abs() - 1).max(0) as f64;
        for x in -4..=4 {
            for y in -4..=4 {
                for z in -4..=4 {
                    let distance = norm([gap(x), gap(y), gap(z)]);
                    assert_eq!(probe.reaches([x, y, z]), distance <= 2.0, "{x} {y} {z}");
                }
            }
        }
    }

    #[test]
    fn skewed_bins_are_pruned_but_never_those_that_hold_a_close_point() {
        let edges = [[1.0, 0.0, 0.0], [0.7, 1.0, 0.0], [-0.6, 0.5, 0.8]];
        let cell = Cell::new(edges, [true; 3]).unwrap();
        let probe = Probe::new(edges, cell.frame().heights(), 1.5);
        let mut pruned = 0;
        let samples = || (-4..=4).map(|n| f64::from(n) / 4.0);
        for [x, y, z] in (0..729).map(|n| [n % 9 - 4, n / 9 % 9 - 4, n / 81 - 4]) {
            let mut shortest = f64::INFINITY;
            for (s, t) in samples().flat_map(|s| samples().map(move |t| (s, t))) {
                for u in samples() {
                    let v = probe.difference([x, y, z].map(|n| n as f64), [s, t, u]);
                    shortest = shortest.min(norm(v));
                }
            }
            let reaches = probe.reaches([x, y, z]);
            assert!(reaches || shortest > 1.5, "{x} {y} {z}");
            pruned += usize::from(!reaches);
        }
        assert!(pruned > 500, "{pruned}");
    }

    #[test]
    fn folding_beyond_several_images_gives_bin_and_image() {
        assert_eq!(fold(-1, 3), (2, -1));
        assert_eq!(fold(-7, 3), (2, -3));
        assert_eq!(fold(2, 3), (2, 0));
        assert_eq!(fold(7, 3), (1, 2));
    }
}
