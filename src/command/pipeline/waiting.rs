//! `WAIT` and `WAITAOF`, which speak of the commands in front of them on their connection: only pipelines
//! have them.

use super::Pipeline;
use crate::command::ToArgs;
use crate::command::commands::millis_up;
use crate::command::named::named;
use std::time::Duration;

/// Waiting until the commands in front have reached other servers, or disks.
///
/// ```no_run
/// use hitless::pipe;
/// use std::time::Duration;
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let mut pipeline = pipe();
/// pipeline.set("order:7", "paid").wait(1, Duration::from_secs(2));
/// let ((), replicas): ((), u64) = pipeline.query(&client)?;
/// if replicas == 0 {
///     println!("no replica has it yet");
/// }
/// # Ok::<(), hitless::Error>(())
/// ```
impl Pipeline {
    /// Adds `WAIT`: waits until so many replicas have what was written, up to `timeout`, in steps of 1 ms
    /// (zero: for ever). Yields how many have it, which may be fewer or more.
    ///
    /// The pipeline needs a command in front of it, cannot be atomic, and has a connection alone. It may take
    /// `timeout` on top of its own time.
    pub fn wait(&mut self, replicas: u64, timeout: Duration) -> &mut Self {
        self.add_named(named!("WAIT"), |out| {
            (replicas, millis_up(timeout)).write_args(out);
        })
    }

    /// Adds `WAITAOF`: as [`wait`](Self::wait), until what was written is in the append-only files of this server
    /// (`local` is true) and of so many replicas. Yields a pair of numbers: of servers that are this one, 0 or 1,
    /// and of replicas. An error of the server if it is to wait for a file that it does not keep. Redis 7.2,
    /// Valkey 7.2.
    pub fn waitaof(&mut self, local: bool, replicas: u64, timeout: Duration) -> &mut Self {
        self.add_named(named!("WAITAOF"), |out| {
            (local, replicas, millis_up(timeout)).write_args(out);
        })
    }
}
