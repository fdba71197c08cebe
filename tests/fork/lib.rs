//! Runs code in a child process that was forked from this one. Claims nothing itself.

use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A child that hangs is ended by the system after this many seconds.
const PATIENCE: u32 = 120;

/// A child process.
#[derive(Debug)]
pub struct Child(libc::pid_t);

/// Forks. The child runs `body` and ends; it fails if `body` yields an error or panics.
///
/// # Errors
///
/// The system refuses the process.
pub fn fork(body: impl FnOnce() -> Result<(), String>) -> io::Result<Child> {
    // SAFETY: other threads of the parent do not exist in the child. It runs `body`, which is what the
    // tests are about, and ends by `_exit`: nothing of the test harness runs in it.
    let id = unsafe { libc::fork() };
    match id {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: no memory is involved; nothing handles the signal, which ends the process.
            unsafe { libc::alarm(PATIENCE) };
            let result = catch_unwind(AssertUnwindSafe(body));
            let problem = match result {
                Ok(Ok(())) => None,
                Ok(Err(problem)) => Some(problem),
                Err(_) => Some("it panicked".to_owned()),
            };
            if let Some(problem) = &problem {
                // Not `eprintln`, whose lock a thread of the parent may have held.
                let text = format!("child: {problem}\n");
                let mut out = io::stderr();
                let _ = out.write_all(text.as_bytes());
            }
            // SAFETY: ends the process at once; no destructor of the parent's runs.
            unsafe { libc::_exit(i32::from(problem.is_some())) }
        }
        id => Ok(Child(id)),
    }
}

impl Child {
    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// It failed, or was ended because it hung.
    pub fn join(self) -> Result<(), String> {
        let mut status = 0;
        loop {
            // SAFETY: the pointer is to a variable of the right type.
            let waited = unsafe { libc::waitpid(self.0, &raw mut status, 0) };
            if waited == self.0 {
                break;
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(format!("the child cannot be waited for: {error}"));
            }
        }
        if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
            return Ok(());
        }
        if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGALRM {
            return Err(format!("the child hung for {PATIENCE} s"));
        }
        Err(format!("the child failed: status {status:#x}"))
    }
}
