//! A network that swallows everything for a while. Needs root, and `nft`.

use crate::Measured;
use crate::server::Server;
use hitless::{Client, Commands, Options};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub fn six_seconds() -> Result<Measured, String> {
    dark(Duration::from_secs(6))
}

pub fn twenty_seconds() -> Result<Measured, String> {
    dark(Duration::from_secs(20))
}

/// A rule of the packet filter, for as long as this lives.
struct Dark(String);

impl Dark {
    fn begin(port: u16) -> Result<Self, String> {
        let table = format!("hitless_recovery_{}", std::process::id());
        let rules = format!(
            "table inet {table} {{ chain input {{ type filter hook input priority 0; \
             tcp dport {port} drop; tcp sport {port} drop; }}; }}"
        );
        nft(&rules)?;
        Ok(Self(table))
    }
}

impl Drop for Dark {
    fn drop(&mut self) {
        if let Err(problem) = nft(&format!("delete table inet {}", self.0)) {
            eprintln!("the table {} is left behind: {problem}", self.0);
        }
    }
}

fn nft(rules: &str) -> Result<(), String> {
    let run = Command::new("nft")
        .arg(rules)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("nft does not start ({error}); apt-get install nftables"))?;
    if run.status.success() {
        Ok(())
    } else {
        Err(format!(
            "nft, as root: {}",
            String::from_utf8_lossy(&run.stderr)
        ))
    }
}

/// From the return of the network to the first success.
fn dark(length: Duration) -> Result<Measured, String> {
    let mut times = Vec::new();
    for _ in 0..3 {
        let server = Server::start(&[])?;
        // The caller goes on asking; each time for as long as the network may be dark.
        let options = Options::new(&server.address.to_string())
            .map_err(text)?
            .pool_size(2)
            .command_timeout(Duration::from_secs(1))
            .checkout_timeout(Duration::from_secs(30))
            .connect_timeout(Duration::from_secs(30));
        let client = Client::connect(options).map_err(text)?;
        let dark = Dark::begin(server.address.port())?;
        let first = thread::scope(|scope| {
            let load = scope.spawn(|| {
                let _ = client.ping();
                let deadline = Instant::now() + length + Duration::from_secs(30);
                while client.ping().is_err() && Instant::now() < deadline {}
                Instant::now()
            });
            thread::sleep(length);
            drop(dark);
            let healed = Instant::now();
            load.join()
                .map(|success| success.saturating_duration_since(healed))
        });
        times.push(first.map_err(|_| "the load panicked".to_owned())?);
        client.close();
    }
    Ok(Measured {
        what: "from the return of the network to the first success",
        times,
        bar: Duration::from_millis(600),
    })
}
