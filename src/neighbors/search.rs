//! The inner loops: pairs of the atoms in a range of bins.

// Only what is inlined into the dispatch is compiled for the instructions of the machine.
#![allow(clippy::inline_always)]

use std::ops::Range;

use super::Pair;
use super::grid::Grid;
use super::stencil::{Segment, Stencil};
use crate::geometry::Vector;

/// Atoms are copied in blocks of this many, which become a few vector instructions.
pub(super) const BLOCK: usize = 8;

/// Everything the search reads, shared by all workers.
pub(super) struct Search<'a> {
    pub grid: &'a Grid,
    pub stencil: &'a Stencil,
    /// Translation of each image of the stencil, Å.
    pub translations: &'a [Vector],
    pub cutoff: f64,
}

/// Pairs of consecutive atoms in sorted order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Chunk {
    pub pairs: Vec<Pair>,
    /// The pairs of the k-th atom of the chunk end here.
    pub ends: Vec<usize>,
}

/// Atoms near one bin, in the image in which they are near.
#[derive(Default)]
struct Candidates {
    /// Number of candidates; a block of points at infinity follows.
    n: usize,
    x: Vec<f64>,
    y: Vec<f64>,
    z: Vec<f64>,
    pairs: Vec<Pair>,
    /// Squared distances from the centre at hand, Å².
    distances2: Vec<f64>,
    /// Index of the first atom of the bin itself.
    home: usize,
}

impl Search<'_> {
    /// Neighbours of all atoms in a range of bins.
    pub(super) fn chunk(&self, bins: Range<usize>) -> Chunk {
        pulp::Arch::new().dispatch(|| self.chunk_inlined(bins))
    }

    #[inline(always)]
    fn chunk_inlined(&self, bins: Range<usize>) -> Chunk {
        let Grid {
            starts,
            wrapped: [x, y, z],
            ..
        } = self.grid;
        let cutoff2 = self.cutoff * self.cutoff;
        let mut chunk = Chunk::default();
        let mut segments = Vec::new();
        let mut candidates = Candidates::default();
        let mut row = Vec::new();
        for bin in bins {
            let centers = starts[bin] as usize..starts[bin + 1] as usize;
            if centers.is_empty() {
                continue;
            }
            self.segments_around(bin, &mut segments);
            self.gather(&segments, centers.start, &mut candidates);
            row.resize(row.len().max(candidates.pairs.len()), Pair::default());
            for (index, center) in centers.enumerate() {
                // No atom is its own neighbour, but one on the same spot is.
                let own = candidates.home + index;
                let saved = std::mem::replace(&mut candidates.x[own], f64::INFINITY);
                let n = candidates.within(cutoff2, [x[center], y[center], z[center]], &mut row);
                candidates.x[own] = saved;
                chunk.pairs.extend_from_slice(&row[..n]);
                chunk.ends.push(chunk.pairs.len());
            }
        }
        chunk
    }

    /// Runs of atoms that may be neighbours of those in a bin.
    fn segments_around(&self, bin: usize, segments: &mut Vec<Segment>) {
        let shape = self.grid.shape;
        let place = [
            bin % shape[0],
            bin / shape[0] % shape[1],
            bin / shape[0] / shape[1],
        ];
        self.stencil
            .segments(self.grid, place.map(|n| n as isize), segments);
    }

    /// Number of pairs if all atoms of a bin had as many neighbours as one of them.
    pub(super) fn expected_pairs(&self) -> f64 {
        let Grid {
            starts,
            wrapped: [x, y, z],
            ..
        } = self.grid;
        let cutoff2 = self.cutoff * self.cutoff;
        let mut segments = Vec::new();
        let mut expected = 0.0;
        for bin in 0..self.grid.len() {
            let (first, end) = (starts[bin] as usize, starts[bin + 1] as usize);
            if first == end {
                continue;
            }
            let center = usize::midpoint(first, end);
            self.segments_around(bin, &mut segments);
            let mut found = 0_usize;
            for &Segment { start, end, shift } in &segments {
                let [tx, ty, tz] = self.translations[shift as usize];
                let (cx, cy, cz) = (x[center] - tx, y[center] - ty, z[center] - tz);
                for k in start..end {
                    let (dx, dy, dz) = (x[k] - cx, y[k] - cy, z[k] - cz);
                    found += usize::from(dx * dx + dy * dy + dz * dz <= cutoff2);
                }
            }
            expected += (end - first) as f64 * found.saturating_sub(1) as f64;
        }
        expected
    }

    /// Copies the atoms of all segments, translated, next to each other.
    #[inline(always)]
    fn gather(&self, segments: &[Segment], first: usize, candidates: &mut Candidates) {
        let [x, y, z] = &self.grid.wrapped;
        candidates.reserve(segments.iter().map(|s| s.end - s.start).sum());
        let mut n = 0;
        for &Segment { start, end, shift } in segments {
            let [tx, ty, tz] = self.translations[shift as usize];
            if shift == self.stencil.home() && (start..end).contains(&first) {
                candidates.home = n + first - start;
            }
            // Whole blocks: what is copied beyond the end is overwritten by the next segment.
            for block in (start..end).step_by(BLOCK) {
                let to = n + block - start;
                translate(x, block, tx, &mut candidates.x, to);
                translate(y, block, ty, &mut candidates.y, to);
                translate(z, block, tz, &mut candidates.z, to);
                let neighbors = block_at(&self.grid.order, block);
                let pairs = neighbors.map(|neighbor| Pair { neighbor, shift });
                candidates.pairs[to..to + BLOCK].copy_from_slice(&pairs);
            }
            n += end - start;
        }
        candidates.x[n..n + BLOCK].fill(f64::INFINITY);
    }
}

#[inline(always)]
fn block_at<T: Copy>(array: &[T], start: usize) -> [T; BLOCK] {
    // A copy of known length: the compiler sees one run of vector loads.
    std::array::from_fn::<_, BLOCK, _>(|k| array[start..start + BLOCK][k])
}

#[inline(always)]
fn translate(from: &[f64], start: usize, by: f64, to: &mut [f64], at: usize) {
    let moved = block_at(from, start).map(|x| x + by);
    to[at..at + BLOCK].copy_from_slice(&moved);
}

impl Candidates {
    /// Makes room for `n` candidates and a block.
    fn reserve(&mut self, n: usize) {
        self.n = n;
        if self.pairs.len() < n + BLOCK {
            for array in [&mut self.x, &mut self.y, &mut self.z, &mut self.distances2] {
                array.resize(n + BLOCK, 0.0);
            }
            self.pairs.resize(n + BLOCK, Pair::default());
        }
    }

    /// Writes the candidates within the cutoff to the front of `row`, which has room for all, and counts them.
    #[inline(always)]
    fn within(&mut self, cutoff2: f64, [cx, cy, cz]: Vector, row: &mut [Pair]) -> usize {
        let padded = self.n.next_multiple_of(BLOCK);
        let coordinates = self.x[..padded].iter().zip(&self.y).zip(&self.z);
        for (distance2, ((x, y), z)) in self.distances2.iter_mut().zip(coordinates) {
            let (dx, dy, dz) = (x - cx, y - cy, z - cz);
            *distance2 = dx * dx + dy * dy + dz * dz;
        }
        // Written always, kept if inside: a branch here would often be mispredicted.
        let mut n = 0;
        let blocks = self.pairs[..padded].as_chunks::<BLOCK>().0.iter();
        for (pairs, distances2) in blocks.zip(self.distances2.as_chunks::<BLOCK>().0) {
            let row = &mut row[n..n + BLOCK];
            let mut kept = 0;
            for k in 0..BLOCK {
                row[kept % BLOCK] = pairs[k];
                kept += usize::from(distances2[k] <= cutoff2);
            }
            n += kept;
        }
        n
    }
}
