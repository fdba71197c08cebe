//! Passwords in memory. Never prints one.

use std::fmt;

/// What stands in the place of something that is not printed.
pub(crate) const REDACTED: &str = "[redacted]";

/// A password. Prints as `[redacted]`, and is overwritten when dropped.
///
/// Overwriting is best effort: copies that the allocator, the kernel or a write buffer made stay.
///
/// ```
/// use hitless::Secret;
///
/// let token = Secret::from("hunter2");
/// assert!(!format!("{token:?}").contains("hunter2"));
/// ```
#[derive(Clone, Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Called where the password goes on the wire, and nowhere else.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        // Without a reader after them, the compiler may leave the stores out.
        std::hint::black_box(&mut self.0);
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}
