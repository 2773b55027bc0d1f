//! Langevin dynamics of small structures, to see where a potential leads.
//!
//! Configurations are wanted, not times, and their distribution does not depend on the masses: all atoms have the same,
//! and lengths are displacements per step. Integrator: BAOAB (B. Leimkuhler and C. Matthews, J. Chem. Phys. 138, 174102
//! (2013)).

use super::{Evaluator, Potential};
use crate::geometry::Vector;
use crate::structure::Structure;
use crate::{Error, Result};
use rayon::prelude::*;
use std::sync::Arc;

/// Of the neighbour list, Å.
const SKIN: f64 = 0.5;

/// How the atoms move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Langevin {
    /// Standard deviation of the displacement of an atom in one step and direction at the temperature, Å.
    pub step: f64,
    /// kT of the thermostat, eV.
    pub thermal_energy: f64,
    /// Part of the velocities that is exchanged with the thermostat in each step, about.
    pub friction: f64,
    /// No coordinate of an atom changes by more in one step, Å.
    pub longest_step: f64,
}

/// The course of one structure.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Energy per atom before each step and at the end, eV; the last is NaN where the structure cannot be evaluated.
    pub energies: Vec<f64>,
    /// Kinetic temperature at the same times, in that of the thermostat.
    pub temperatures: Vec<f64>,
    /// At the end, Å.
    pub positions: Vec<Vector>,
}

/// One structure to follow.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The structure.
    pub structure: &'a Structure,
    /// It ends where the energy per atom lies below, eV.
    pub floor: f64,
    /// Standard normal numbers, `[n_steps + 1][n_atoms]`: of the first velocities, and of each step.
    pub noise: &'a [Vector],
}

impl Langevin {
    /// Follow structures, in parallel in the pool that the caller is in.
    ///
    /// # Errors
    /// [`Error::Length`] if the noise is not that of a whole number of steps.
    pub fn follow(&self, potential: &Arc<Potential>, starts: &[Start]) -> Result<Vec<Course>> {
        let follow = |start: &Start| self.follow_one(potential, start);
        starts.par_iter().map(follow).collect()
    }

    fn follow_one(&self, potential: &Arc<Potential>, start: &Start) -> Result<Course> {
        let n_atoms = start.structure.n_atoms();
        if n_atoms == 0 || start.noise.is_empty() || !start.noise.len().is_multiple_of(n_atoms) {
            return Err(Error::Length {
                what: "noise",
                expected: n_atoms,
                got: start.noise.len(),
            });
        }
        let evaluator = Evaluator::new(Arc::clone(potential), SKIN, 1)?;
        let mut walk = Walk::new(self, start.structure, &evaluator, &start.noise[..n_atoms]);
        for noise in start.noise[n_atoms..].chunks_exact(n_atoms) {
            if walk.ended(start.floor) {
                break;
            }
            walk.step(noise);
        }
        Ok(walk.course)
    }
}

/// A structure under way.
struct Walk<'a> {
    settings: &'a Langevin,
    start: &'a Structure,
    evaluator: &'a Evaluator,
    velocities: Vec<Vector>,
    forces: Vec<Vector>,
    course: Course,
}

impl<'a> Walk<'a> {
    fn new(
        settings: &'a Langevin,
        start: &'a Structure,
        evaluator: &'a Evaluator,
        noise: &[Vector],
    ) -> Self {
        let mut walk = Self {
            settings,
            start,
            evaluator,
            velocities: noise.iter().map(|n| n.map(|x| settings.step * x)).collect(),
            forces: vec![[0.0; 3]; noise.len()],
            course: Course {
                energies: Vec::new(),
                temperatures: Vec::new(),
                positions: start.positions().to_vec(),
            },
        };
        walk.evaluate();
        walk.note_temperature();
        walk
    }

    fn ended(&self, floor: f64) -> bool {
        // Not `<`: a NaN ends it as well.
        !self.course.energies.last().is_some_and(|e| *e >= floor)
    }

    fn step(&mut self, noise: &[Vector]) {
        let kept = (-self.settings.friction).exp();
        let fresh = (1.0 - kept * kept).sqrt() * self.settings.step;
        self.kick();
        let mut moves = Vec::with_capacity(noise.len());
        for (velocity, noise) in self.velocities.iter_mut().zip(noise) {
            let before = *velocity;
            for (v, n) in velocity.iter_mut().zip(noise) {
                *v = kept * *v + fresh * n;
            }
            moves.push([0, 1, 2].map(|k| 0.5 * (before[k] + velocity[k])));
        }
        let longest = moves
            .iter()
            .flatten()
            .fold(0.0_f64, |most, x| most.max(x.abs()));
        let scale = if longest > self.settings.longest_step {
            self.settings.longest_step / longest
        } else {
            1.0
        };
        let atoms = self.course.positions.iter_mut().zip(&mut self.velocities);
        for ((position, velocity), moved) in atoms.zip(&moves) {
            for k in 0..3 {
                position[k] += scale * moved[k];
                velocity[k] *= scale;
            }
        }
        self.evaluate();
        self.kick();
        self.note_temperature();
    }

    /// Half a step of the forces.
    fn kick(&mut self) {
        let mobility = self.settings.step.powi(2) / self.settings.thermal_energy;
        for (velocity, force) in self.velocities.iter_mut().zip(&self.forces) {
            for (v, f) in velocity.iter_mut().zip(force) {
                *v += 0.5 * mobility * f;
            }
        }
    }

    /// Energy and forces; NaN and none where atoms lie on one spot or beyond all bounds.
    fn evaluate(&mut self) {
        let cell = self.start.cell().clone();
        let positions = self.course.positions.clone();
        let structure = Structure::new(cell, positions, self.start.numbers().to_vec());
        let found = structure.and_then(|s| self.evaluator.evaluate(&s));
        if let Ok(found) = found {
            #[allow(clippy::cast_precision_loss)]
            let n_atoms = found.energies.len() as f64;
            self.course.energies.push(found.energy() / n_atoms);
            self.forces = found.forces;
        } else {
            self.course.energies.push(f64::NAN);
            self.forces.fill([0.0; 3]);
        }
    }

    fn note_temperature(&mut self) {
        #[allow(clippy::cast_precision_loss)]
        let n_numbers = (3 * self.velocities.len()) as f64;
        let squares: f64 = self.velocities.iter().flatten().map(|v| v * v).sum();
        self.course
            .temperatures
            .push(squares / n_numbers / self.settings.step.powi(2));
    }
}
