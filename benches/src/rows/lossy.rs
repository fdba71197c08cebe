//! A network that loses 1 % of all packets. Runs in a network namespace of its own: the loss is that of
//! everybody in it.

use super::{MEDIAN, P99, RATE};
use crate::bench::{Bench, Measured};
use crate::contest::{Contender, Effort, versus};
use crate::report::Bar;
use crate::server::Server;
use crate::{by_default, mix_ours, mix_r2d2, prepare, r2d2, spread};
use std::process::Command;

fn run(program: &str, arguments: &str) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments.split(' '))
        .output()
        .map_err(|error| format!("{program} does not start: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        let text = String::from_utf8_lossy(&output.stderr);
        Err(format!("{program} {arguments}: {}", text.trim()))
    }
}

/// Starts a server, loses packets and measures. Call it where nobody else is in the network.
pub fn measure(effort: Effort) -> Measured {
    run("ip", "link set lo up")?;
    run("nft", "add table inet bench")?;
    let hook = "{ type filter hook input priority 0 ; }";
    run("nft", &format!("add chain inet bench input {hook}"))?;
    let server = Server::start(&[])?;
    let address = server.address.to_string();
    prepare(&address);
    let bench = Bench::new(address, effort, None);
    let address = &bench.address;
    let contender = |operations| Contender::default().with_group(operations);
    let contenders = vec![
        contender(mix_ours(&by_default(address), 64)),
        contender(mix_r2d2(&r2d2(address, 64), 64)),
        contender(mix_ours(&spread(address, 64), 64)),
    ];
    let lose = "meta l4proto tcp numgen random mod 100 < 1 drop";
    run("nft", &format!("add rule inet bench input {lose}"))?;
    let name = "64 threads, mix, 1 % loss";
    let none = [RATE, MEDIAN, P99].map(|what| (what, Bar::None));
    let mut rows = versus((0, 1), name, "r2d2 with 64", &none);
    rows.extend(versus((0, 2), name, "ours, a connection each", &none));
    Ok(bench.long_contest("commands/s", contenders).compare(&rows))
}
