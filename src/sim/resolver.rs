//! Names and what they resolve to, as the deployment's DNS would say. Asks no real resolver.

use super::clock;
use super::news::News;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the name service answers, and how long it takes.
#[derive(Debug, Default)]
struct Zone {
    /// By name. A name that is not here is unknown.
    answers: HashMap<String, Vec<IpAddr>>,
    /// How long every answer takes.
    delay: Duration,
}

/// The simulated DNS. Clones share the answers.
///
/// ```
/// use hitless::sim::{HOST, Sim};
/// use hitless::{Client, Commands, Options};
///
/// let sim = Sim::builder().start()?;
/// let port = sim.addr(sim.node(0)).port();
/// // By name, as in production: what the name leads to changes when a node moves.
/// let options = Options::new(&format!("{HOST}:{port}"))?.resolver(sim.resolver());
/// Client::connect(options)?.ping()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct SimResolver {
    /// Shared by all clones: what a test changes, every client sees.
    zone: Arc<RwLock<Zone>>,
    /// Rings when the delay changes.
    news: Arc<News>,
}

impl SimResolver {
    /// Looks a name up. Literal addresses are answered as themselves, names in any case.
    ///
    /// Blocks as long as [`SimResolver::set_delay`] said, or until the delay is taken back.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] for a name that was never set.
    pub fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let start = clock::now();
        let delay = || self.zone.read().delay;
        while let Some(end) = start.checked_add(delay()).filter(|&end| end > clock::now()) {
            let asked = delay();
            self.news.wait_until(Some(end), || delay() != asked);
        }
        if let Ok(ip) = host.parse() {
            return Ok(vec![ip]);
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let known = self.zone.read().answers.get(&name).cloned();
        known
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name in the simulator"))
    }

    /// Sets the answer for a name from now on; an empty list is an empty answer.
    pub fn set(&self, host: &str, addresses: Vec<IpAddr>) {
        let name = host.to_ascii_lowercase();
        self.zone.write().answers.insert(name, addresses);
    }

    /// Removes a name: looking it up fails from now on.
    pub fn remove(&self, host: &str) {
        let name = host.to_ascii_lowercase();
        self.zone.write().answers.remove(&name);
    }

    /// Lets every look-up take so long, those in progress included. Zero, the default, is at once.
    pub fn set_delay(&self, delay: Duration) {
        self.zone.write().delay = delay;
        self.news.changed();
    }
}
