//! What each thread of a contender does, whichever client it uses. Knows no client.

use crate::crew::Operation;

/// A value of 16 bytes.
pub const KEY: &str = "bench:value";
pub const VALUE: &[u8; 16] = b"0123456789abcdef";
/// A value of any size, at the choice of the row.
pub const SIZED_KEY: &str = "bench:sized";

/// So many threads that do the same.
pub fn each<F: FnMut() + Send + 'static>(threads: usize, make: impl Fn() -> F) -> Vec<Operation> {
    let thread = |_| -> Operation { Box::new(make()) };
    (0..threads).map(thread).collect()
}

/// So many threads, each of which repeats three GET and one SET. They begin at different places. What runs
/// one command is told whether it is a SET.
pub fn mix<F: FnMut(bool) + Send + 'static>(
    threads: usize,
    make: impl Fn() -> F,
) -> Vec<Operation> {
    let thread = |number| -> Operation {
        let (mut turn, mut run) = (number, make());
        Box::new(move || {
            turn += 1;
            run(turn % 4 == 0);
        })
    };
    (0..threads).map(thread).collect()
}
