//! Whatever numbers rows hold, the answer is a status.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unsafe_code, reason = "the interface is for C")]

mod common;

use mlip_c::{
    Evaluator, HostRows, Output, Potential, Status, mlip_evaluate, mlip_evaluator_close,
    mlip_evaluator_open, mlip_memory, mlip_message, mlip_offenders, mlip_potential_close,
    mlip_potential_element, mlip_potential_has_index, mlip_potential_open, mlip_potential_species,
    mlip_set_neighbors,
};
use proptest::prelude::*;
use std::ffi::{CStr, c_int};
use std::ptr;

fn opened() -> *mut Potential {
    let text = common::potential().to_json().unwrap();
    let mut potential = ptr::null_mut();
    // SAFETY: the text is as long as said; no room for a message.
    let status = unsafe {
        mlip_potential_open(
            text.as_ptr().cast(),
            text.len(),
            &raw mut potential,
            ptr::null_mut(),
            0,
        )
    };
    assert_eq!(status, Status::Ok);
    potential
}

#[derive(Debug, Clone)]
struct Host {
    species: Vec<i16>,
    centers: Vec<c_int>,
    rows: Vec<Vec<c_int>>,
    coordinates: Vec<f64>,
    mask: c_int,
    sorted: bool,
}

fn hosts() -> impl Strategy<Value = Host> {
    let index = prop_oneof![
        8 => 0..8_i32,
        1 => any::<i32>(),
    ];
    (
        prop::collection::vec(-1..3_i16, 8),
        prop::collection::vec(index.clone(), 0..6),
        prop::collection::vec(prop::collection::vec(index, 0..7), 8),
        prop::collection::vec(prop_oneof![20 => -4.0..4.0_f64, 1 => Just(f64::NAN)], 24),
        prop_oneof![Just(0x1FFF_FFFF), Just(-1), any::<i32>()],
        any::<bool>(),
    )
        .prop_map(|(species, centers, rows, coordinates, mask, sorted)| Host {
            species,
            centers,
            rows,
            coordinates,
            mask,
            sorted,
        })
}

/// Set neighbours and evaluate; gives the statuses, and the forces.
fn run(evaluator: *mut Evaluator, host: &Host) -> (Status, Status, Vec<f64>) {
    let counts: Vec<c_int> = host.rows.iter().map(|row| row.len() as c_int).collect();
    let rows: Vec<*const c_int> = host.rows.iter().map(Vec::as_ptr).collect();
    let n_all = host.species.len();
    let list = HostRows {
        n_all,
        species: host.species.as_ptr(),
        positions: if host.sorted {
            host.coordinates.as_ptr()
        } else {
            ptr::null()
        },
        n_centers: host.centers.len(),
        centers: host.centers.as_ptr(),
        counts: counts.as_ptr(),
        rows: rows.as_ptr(),
        mask: host.mask,
    };
    let mut forces = vec![0.0; 3 * n_all];
    let output = Output {
        energy: ptr::null_mut(),
        virial: ptr::null_mut(),
        forces: forces.as_mut_ptr(),
        energies: ptr::null_mut(),
        virials: ptr::null_mut(),
        centroid_virials: ptr::null_mut(),
        anomalies: ptr::null_mut(),
    };
    // SAFETY: all arrays are as long as said.
    let (set, done) = unsafe {
        (
            mlip_set_neighbors(evaluator, &raw const list),
            mlip_evaluate(
                evaluator,
                n_all,
                host.coordinates.as_ptr(),
                host.species.as_ptr(),
                &raw const output,
            ),
        )
    };
    (set, done, forces)
}

fn message(evaluator: *const Evaluator) -> String {
    // SAFETY: the evaluator is open, and nothing else happens meanwhile.
    let text = unsafe { CStr::from_ptr(mlip_message(evaluator)) };
    text.to_str().unwrap().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_rows_give_a_status(host in hosts()) {
        let potential = opened();
        let mut evaluator = ptr::null_mut();
        // SAFETY: the potential is open.
        unsafe { mlip_evaluator_open(potential, 1, &raw mut evaluator) };
        let (set, done, forces) = run(evaluator, &host);
        prop_assert!(set == Status::Ok || set == Status::BadNeighbors, "{set:?} {}", message(evaluator));
        match done {
            Status::Ok => prop_assert!(forces.iter().all(|f| f.is_finite())),
            Status::BadStructure | Status::StaleNeighbors => {
                prop_assert!(forces.iter().all(|f| *f == 0.0));
                prop_assert!(!message(evaluator).is_empty());
            }
            other => prop_assert!(false, "{other:?}"),
        }
        prop_assert!(set == Status::Ok || done == Status::StaleNeighbors);
        // SAFETY: both are given up.
        unsafe {
            mlip_evaluator_close(evaluator);
            mlip_potential_close(potential);
        }
    }

    #[test]
    fn any_text_is_a_potential_or_refused(cut in 0..2000_usize, change in any::<u8>(), place in 0..2000_usize) {
        let mut text = common::potential().to_json().unwrap().into_bytes();
        text.truncate(text.len().min(cut));
        if let Some(byte) = text.get_mut(place) {
            *byte = change;
        }
        let (mut potential, mut said) = (ptr::null_mut(), [1_u8; 40]);
        // SAFETY: lengths are as said.
        let status = unsafe {
            mlip_potential_open(text.as_ptr().cast(), text.len(), &raw mut potential, said.as_mut_ptr().cast(), 40)
        };
        prop_assert_eq!(potential.is_null(), status != Status::Ok);
        if status != Status::Ok {
            prop_assert_eq!(status, Status::BadPotential);
            prop_assert!(CStr::from_bytes_until_nul(&said).is_ok());
        }
        // SAFETY: given up; null is nothing.
        unsafe { mlip_potential_close(potential) };
    }
}

#[test]
fn null_is_refused_everywhere() {
    // SAFETY: null is allowed in all of these places.
    unsafe {
        let none = ptr::null_mut();
        assert_eq!(
            mlip_potential_open(ptr::null(), 3, ptr::null_mut(), ptr::null_mut(), 0),
            Status::BadArgument
        );
        let mut potential = ptr::null_mut();
        assert_eq!(
            mlip_potential_open(ptr::null(), 3, &raw mut potential, ptr::null_mut(), 0),
            Status::BadArgument
        );
        assert_eq!(mlip_potential_species(ptr::null(), c"Al".as_ptr()), -1);
        assert_eq!(mlip_potential_has_index(ptr::null()), 0);
        assert!(mlip_potential_element(ptr::null(), 0).is_null());
        let mut evaluator = ptr::null_mut();
        assert_eq!(
            mlip_evaluator_open(ptr::null(), 1, &raw mut evaluator),
            Status::BadArgument
        );
        assert_eq!(mlip_set_neighbors(none, ptr::null()), Status::BadArgument);
        assert_eq!(
            mlip_evaluate(none, 0, ptr::null(), ptr::null(), ptr::null()),
            Status::BadArgument
        );
        assert!(mlip_message(ptr::null()).is_null());
        mlip_offenders(ptr::null(), ptr::null_mut());
        assert!(mlip_memory(ptr::null()).abs() < f64::EPSILON);
        mlip_evaluator_close(none);
        mlip_potential_close(ptr::null_mut());
        let potential = opened();
        for threads in [0, u32::MAX] {
            assert_ne!(
                mlip_evaluator_open(potential, threads, &raw mut evaluator),
                Status::Ok
            );
            assert!(evaluator.is_null());
        }
        assert_eq!(
            mlip_evaluator_open(potential, 2, &raw mut evaluator),
            Status::Ok
        );
        assert_eq!(
            mlip_set_neighbors(evaluator, ptr::null()),
            Status::BadArgument
        );
        assert_eq!(message(evaluator), "rows is a null pointer");
        mlip_potential_close(potential);
        mlip_evaluator_close(evaluator);
    }
}
