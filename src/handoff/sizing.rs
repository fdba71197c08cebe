//! How many handoff workers a client has and how long their queue is. Starts neither.

/// Workers for a pool of this size: `min(pool / 2, max(10, pool / 3))`, and at least one.
pub(crate) fn workers(pool: usize) -> usize {
    (pool / 2).min((pool / 3).max(10)).max(1)
}

/// Places in the workers' queue: `max(20 × workers, pool)`, capped by five times the pool and, where
/// the number of connections is limited (`max_active > 0`), by one more than that limit; at least two.
pub(crate) fn queue(pool: usize, workers: usize, max_active: usize) -> usize {
    let wish = workers.saturating_mul(20).max(pool);
    let mut cap = pool.saturating_mul(5);
    if max_active > 0 {
        cap = cap.min(max_active.saturating_add(1));
    }
    wish.min(cap).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pool_of_100_has_33_workers_and_500_places() {
        assert_eq!((workers(100), queue(100, 33, 0)), (33, 500));
    }

    #[test]
    fn a_pool_of_100_limited_to_150_connections_has_151_places() {
        assert_eq!((workers(100), queue(100, 33, 150)), (33, 151));
    }

    #[test]
    fn a_pool_of_50_has_16_workers_and_250_places() {
        assert_eq!((workers(50), queue(50, 16, 0)), (16, 250));
    }

    #[test]
    fn small_pools_have_half_as_many_workers_as_entries() {
        let sizes: Vec<_> = [1, 2, 3, 4, 10, 20, 30, 31]
            .iter()
            .map(|n| workers(*n))
            .collect();
        assert_eq!(sizes, [1, 1, 1, 2, 5, 10, 10, 10]);
    }

    #[test]
    fn the_smallest_pool_still_has_a_worker_and_two_places() {
        assert_eq!((workers(0), queue(0, 1, 0)), (1, 2));
        assert_eq!(queue(1, 1, 0), 5);
        assert_eq!(queue(10, 5, 1), 2);
    }

    proptest! {
        #[test]
        fn no_size_overflows(pool: usize, max_active: usize) {
            prop_assert!(workers(pool) >= 1);
            prop_assert!(queue(pool, workers(pool), max_active) >= 2);
        }

        #[test]
        fn the_queue_respects_both_caps(pool in 1_usize..10_000, max_active in 1_usize..10_000) {
            let places = queue(pool, workers(pool), max_active);
            prop_assert!(places <= 2.max(pool * 5));
            prop_assert!(places <= 2.max(max_active + 1));
        }
    }
}
