//! Thread pools of our own: never rayon's global one, and a fresh one after a fork.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Pools by (process, number of threads). A forked child inherits pools whose threads do not exist in it; keyed by
/// the process they are never touched again.
static POOLS: Mutex<BTreeMap<(u32, usize), Arc<ThreadPool>>> = Mutex::new(BTreeMap::new());

/// The environment variable that sets the default number of threads.
pub const THREADS_VARIABLE: &str = "MLIP_RS_NUM_THREADS";

/// Default number of threads: [`THREADS_VARIABLE`] if set to a positive number, else the cores available.
#[must_use]
pub fn default_threads() -> usize {
    std::env::var(THREADS_VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|threads| *threads > 0)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

/// The pool of this process with the given number of threads (0: the default).
///
/// # Panics
/// If the operating system refuses to start threads.
#[must_use]
pub fn pool(threads: usize) -> Arc<ThreadPool> {
    let threads = if threads == 0 {
        default_threads()
    } else {
        threads
    };
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let build = || {
        Arc::new(
            ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("threads can be started"),
        )
    };
    Arc::clone(
        pools
            .entry((std::process::id(), threads))
            .or_insert_with(build),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_shared_and_have_the_size_asked_for() {
        assert_eq!(pool(2).current_num_threads(), 2);
        assert!(Arc::ptr_eq(&pool(2), &pool(2)));
    }
}
