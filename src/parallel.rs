//! Thread pools of our own: never rayon's global one, and a fresh one after a fork.

use crate::{Error, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Pools by (process, number of threads). A forked child inherits pools whose threads do not exist in it; keyed by
/// the process they are never touched again.
static POOLS: Mutex<BTreeMap<(u32, usize), Arc<ThreadPool>>> = Mutex::new(BTreeMap::new());

/// The environment variable that sets the default number of threads.
pub const THREADS_VARIABLE: &str = "MLIP_RS_NUM_THREADS";

/// Largest number of threads of a pool: more than any machine with shared memory has use for here.
pub const MAX_THREADS: usize = 1024;

/// Default number of threads: [`THREADS_VARIABLE`] if set to a positive number, else the cores available; at most
/// [`MAX_THREADS`].
#[must_use]
pub fn default_threads() -> usize {
    std::env::var(THREADS_VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|threads| *threads > 0)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
        .min(MAX_THREADS)
}

/// The pool of this process with the given number of threads (0: the default).
///
/// # Errors
/// [`Error::Threads`] above [`MAX_THREADS`], or if the operating system refuses to start them.
pub fn pool(threads: usize) -> Result<Arc<ThreadPool>> {
    let threads = if threads == 0 {
        default_threads()
    } else {
        threads
    };
    let refused = |reason: String| Error::Threads { threads, reason };
    if threads > MAX_THREADS {
        return Err(refused(format!("at most {MAX_THREADS}")));
    }
    let key = (std::process::id(), threads);
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = pools.get(&key) {
        return Ok(Arc::clone(pool));
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = Arc::new(pool.map_err(|e| refused(e.to_string()))?);
    pools.insert(key, Arc::clone(&pool));
    Ok(pool)
}

/// Whether the caller is a thread of a pool. What is worth sharing is shared then only: outside, rayon would start its
/// global pool.
#[must_use]
pub fn inside_pool() -> bool {
    rayon::current_thread_index().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_shared_and_have_the_size_asked_for() {
        let two = pool(2).unwrap();
        assert_eq!(two.current_num_threads(), 2);
        assert!(Arc::ptr_eq(&two, &pool(2).unwrap()));
    }

    #[test]
    fn absurd_numbers_of_threads_are_refused() {
        assert!(matches!(
            pool(MAX_THREADS + 1),
            Err(Error::Threads { threads, .. }) if threads == MAX_THREADS + 1
        ));
    }
}
