//! Whether this process is the one that made something with locks. Takes none itself.

use std::fmt;
use std::process;

/// The process that made something: a client, or a canceller.
pub(crate) struct Process {
    id: u32,
    /// The number of forks that led to this process, counted by a handler of `pthread_atfork`. Comparing
    /// it costs a load. Comparing process ids costs a system call, which was measured at 370 to 520 ns
    /// on a busy machine.
    #[cfg(unix)]
    forks: Option<forkguard::atfork::Guard>,
}

impl Process {
    /// This process.
    pub(crate) fn current() -> Self {
        Self {
            id: process::id(),
            // An error: the system has no memory for the handler.
            #[cfg(unix)]
            forks: forkguard::atfork::Guard::try_new().ok(),
        }
    }

    /// Whether this process is another: a child of `fork`. A child of a bare `clone` system call, which
    /// runs no handlers, is not noticed.
    #[inline]
    pub(crate) fn has_forked(&self) -> bool {
        #[cfg(unix)]
        if let Some(forks) = &self.forks {
            // The copy forgets what it has detected.
            return forks.clone().detected_fork();
        }
        process::id() != self.id
    }

    /// As if a parent of this process had made it.
    #[cfg(all(test, debug_assertions, not(hitless_model)))]
    pub(crate) fn elsewhere() -> Self {
        Self {
            id: 0,
            #[cfg(unix)]
            forks: None,
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Process").field(&self.id).finish()
    }
}
