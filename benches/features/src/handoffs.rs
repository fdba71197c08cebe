//! Load of 64 threads while the whole pool moves once a second, against the same load without moves. The
//! simulator serves it, in this process.

use hitless::sim::{Moving, Record, Sim, Target};
use hitless::{Client, Options};
use hitless_bench::bench::Measured;
use hitless_bench::contest::{Contender, Contest, Effort, What, versus};
use hitless_bench::report::{Bar, Row};
use hitless_bench::{mix_ours, set_ours};
use std::process;
use std::rc::Rc;
use std::time::Duration;

/// Connections, all of which move each time.
const POOL: usize = 10;

/// Each round has one move.
const ROUND: Duration = Duration::from_secs(1);

/// The old place closes what is left so long after it has announced one second: a little late, as real servers
/// are.
const CLOSE: Duration = Duration::from_millis(1200);

/// Places that the pool goes round. With two, the close would meet the connections that the next move makes.
const PLACES: usize = 3;

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub fn measure(effort: Effort) -> Measured {
    let sim = Sim::builder()
        .nodes(PLACES)
        .record(Record::Nothing)
        .start()
        .map_err(text)?;
    let sim = Rc::new(sim);
    let address = sim.addr(sim.node(0)).to_string();
    let options = Options::new(&address).map_err(text)?;
    let client = Client::connect(options.pool_size(POOL).min_connections(POOL)).map_err(text)?;
    set_ours(&client);
    let mut place = 0;
    let (deployment, moved) = (Rc::clone(&sim), client.clone());
    let begin = move || {
        let next = (place + 1) % PLACES;
        let [from, to] = [place, next].map(|index| deployment.node(index));
        place = next;
        let moving = Moving::new(from, Target::Node(to));
        deployment.start_moving(moving.announce(1).close_after(CLOSE).keep_listening());
    };
    let load = || Contender::default().with_group(mix_ours(&client, 64));
    let contenders = vec![load().before_each_round(begin), load()];
    let effort = Effort {
        rounds: if effort.is_quick { 5 } else { 100 },
        length: ROUND,
        // A round that is disturbed has moved the pool all the same.
        most_repeats: 1,
        ..effort
    };
    let name = "64 threads, a handoff each second";
    let bars = [
        (What::Rate, Bar::Ratio(0.95)),
        (What::Median(0), Bar::None),
        (What::P99(0), Bar::None),
        (What::P999(0), Bar::RatioMost(1.5)),
    ];
    let compared = versus((0, 1), name, "without handoffs", &bars);
    // No server but this process.
    let process = process::id().to_string();
    let mut rows = Contest::new(&process, effort, "commands/s", contenders).compare(&compared);
    let each = moved.stats().connections_moved as f64 / effort.rounds as f64;
    rows.push(Row::alone(
        "connections moved by each handoff",
        "connections",
        &[each],
        Bar::None,
    ));
    Ok(rows)
}
