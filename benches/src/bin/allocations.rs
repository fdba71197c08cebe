//! Prints the allocations per GET of one contender, all threads counted.
//!
//! `allocations ours|redis-rs ADDRESS`

use hitless_bench as contenders;
use std::alloc::{GlobalAlloc, Layout, System};
use std::env;
use std::sync::atomic::{AtomicU64, Ordering};

const WARM_UP: u64 = 2_000;
const COUNTED: u64 = 20_000;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, which counts. A block that grows counts as one more.
struct Counting;

// SAFETY: every method hands its arguments to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(mut get: impl FnMut()) -> f64 {
    (0..WARM_UP).for_each(|_| get());
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..COUNTED).for_each(|_| get());
    let after = ALLOCATIONS.load(Ordering::Relaxed);
    (after - before) as f64 / COUNTED as f64
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let per_get = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "ours", address] => {
            let client = contenders::ours(address, 1);
            count(|| contenders::get_ours(&client))
        }
        [_, "redis-rs", address] => {
            let mut connection = contenders::redis_rs(address);
            count(|| contenders::get_redis_rs(&mut connection))
        }
        _ => panic!("usage: allocations ours|redis-rs ADDRESS"),
    };
    println!("{per_get:.3}");
}
