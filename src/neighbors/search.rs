//! The inner loops: pairs of the atoms in a range of bins.

// Only what is inlined into the dispatch is compiled for the instructions of the machine.
#![allow(clippy::inline_always)]

use std::ops::Range;

use super::Pair;
use super::grid::Grid;
use super::stencil::{Segment, Stencil};
use crate::geometry::Vector;

/// Candidates are tested in blocks of this many, so that the compiler can vectorise the distances.
const LANES: usize = 16;

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

/// Atoms near one bin, in the image in which they are near; padded to whole blocks with points at infinity.
#[derive(Default)]
struct Candidates {
    x: Vec<f64>,
    y: Vec<f64>,
    z: Vec<f64>,
    pairs: Vec<Pair>,
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
            shape,
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
            let place = [
                bin % shape[0],
                bin / shape[0] % shape[1],
                bin / shape[0] / shape[1],
            ];
            self.stencil
                .segments(self.grid, place.map(|n| n as isize), &mut segments);
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

    #[inline(always)]
    fn gather(&self, segments: &[Segment], first: usize, candidates: &mut Candidates) {
        let Grid {
            order,
            wrapped: [x, y, z],
            ..
        } = self.grid;
        candidates.clear();
        for &Segment { start, end, shift } in segments {
            let [tx, ty, tz] = self.translations[shift as usize];
            if shift == self.stencil.home() && (start..end).contains(&first) {
                candidates.home = candidates.pairs.len() + first - start;
            }
            candidates.x.extend(x[start..end].iter().map(|x| x + tx));
            candidates.y.extend(y[start..end].iter().map(|y| y + ty));
            candidates.z.extend(z[start..end].iter().map(|z| z + tz));
            let pairs = order[start..end]
                .iter()
                .map(|&neighbor| Pair { neighbor, shift });
            candidates.pairs.extend(pairs);
        }
        candidates.pad();
    }
}

impl Candidates {
    fn clear(&mut self) {
        self.x.clear();
        self.y.clear();
        self.z.clear();
        self.pairs.clear();
    }

    fn pad(&mut self) {
        let padded = self.pairs.len().next_multiple_of(LANES);
        self.x.resize(padded, f64::INFINITY);
        self.y.resize(padded, 0.0);
        self.z.resize(padded, 0.0);
        self.pairs.resize(padded, Pair::default());
    }

    /// Writes the candidates within the cutoff to the front of `row`, which has room for all, and counts them.
    #[inline(always)]
    fn within(&self, cutoff2: f64, [cx, cy, cz]: Vector, row: &mut [Pair]) -> usize {
        let mut n = 0;
        let blocks = self.x.as_chunks::<LANES>().0.iter();
        let blocks = blocks.zip(self.y.as_chunks::<LANES>().0);
        let blocks = blocks.zip(self.z.as_chunks::<LANES>().0);
        let blocks = blocks.zip(self.pairs.as_chunks::<LANES>().0);
        for (((x, y), z), pairs) in blocks {
            let mut inside = [0_u8; LANES];
            for k in 0..LANES {
                let (dx, dy, dz) = (x[k] - cx, y[k] - cy, z[k] - cz);
                inside[k] = u8::from(dx * dx + dy * dy + dz * dz <= cutoff2);
            }
            // Written always, kept if inside: a branch here would be mispredicted half of the time.
            for k in 0..LANES {
                row[n] = pairs[k];
                n += usize::from(inside[k]);
            }
        }
        n
    }
}
