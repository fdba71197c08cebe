//! Names and what they resolve to, as the deployment's DNS would say. Asks no real resolver.

use parking_lot::RwLock;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

/// The simulated DNS. Clones share the answers.
#[derive(Clone, Debug, Default)]
pub struct SimResolver {
    answers: Arc<RwLock<HashMap<String, Vec<IpAddr>>>>,
}

impl SimResolver {
    /// Looks a name up. Literal addresses are answered as themselves, names in any case.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] for a name that was never set.
    pub fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(ip) = host.parse() {
            return Ok(vec![ip]);
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let known = self.answers.read().get(&name).cloned();
        known
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name in the simulator"))
    }

    /// Sets the answer for a name from now on; an empty list is an empty answer.
    pub fn set(&self, host: &str, addresses: Vec<IpAddr>) {
        self.answers
            .write()
            .insert(host.to_ascii_lowercase(), addresses);
    }

    /// Removes a name: looking it up fails from now on.
    pub fn remove(&self, host: &str) {
        self.answers.write().remove(&host.to_ascii_lowercase());
    }
}
