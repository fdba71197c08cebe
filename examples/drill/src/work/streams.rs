//! A stream and a group: some threads add entries, stream consumers work on them. Afterwards nothing may be pending.
//! Asks for nothing that users would not: what survives a move is what the consumer makes of it.

use super::book::{Arrivals, Fate, Ticket};
use super::{Crew, Kind, Tally, joined};
use crate::record::micros;
use hitless::{Client, Commands, StreamConsumer, StreamConsumerOptions};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const STREAM: &str = "drill:stream";
const GROUP: &str = "workers";

/// For how long nothing may come at the end, at which something is stuck for certain.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn work(crew: &Crew<'_>) -> Result<Tally, String> {
    let mut tally = Tally::new(Kind::Streams);
    let client = crew.client;
    let consumers: Vec<StreamConsumer> = (0..crew.size)
        .map(|name| {
            let options = StreamConsumerOptions::new(STREAM, GROUP, format!("worker-{name}"));
            client.stream_consumer(&options.create_group("0"))
        })
        .collect();
    let controls: Vec<_> = consumers.iter().map(StreamConsumer::control).collect();
    let handled = AtomicU64::new(0);
    let (sent, received) = thread::scope(|scope| {
        let handled = &handled;
        let consumers: Vec<_> = consumers
            .into_iter()
            .map(|consumer| scope.spawn(move || consume(crew, consumer, handled)))
            .collect();
        let producers: Vec<_> = (0..crew.size)
            .map(|sender| scope.spawn(move || produce(crew, sender)))
            .collect();
        let sent = joined(producers);
        finish(crew, handled);
        controls.iter().for_each(|control| control.stop());
        let received = joined(consumers);
        sent.and_then(|sent| received.map(|received| (sent, received)))
    })?;
    let mut fates = Vec::new();
    for (one, of) in sent {
        fates.push(of);
        tally.add(one);
    }
    let mut arrivals = Arrivals::default();
    for (one, of) in received {
        arrivals.merge(&of);
        tally.add(one);
    }
    tally.weigh(arrivals.against(&fates));
    let pending = client.xpending(STREAM, GROUP);
    // What nobody has acknowledged would be worked on again.
    tally.doubled += pending.map_err(|error| error.to_string())?.count;
    Ok(tally)
}

/// Waits until the group has got everything and acknowledged it, or gets nothing more.
fn finish(crew: &Crew<'_>, handled: &AtomicU64) {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let now = handled.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        // An error says nothing of the group: the next look does.
        if is_empty(crew.client).unwrap_or(false) || since.elapsed() > PATIENCE {
            return;
        }
        crew.pace();
    }
}

fn is_empty(client: &Client) -> hitless::Result<bool> {
    let last = client.xinfo_stream(STREAM)?.last_generated_id;
    let groups = client.xinfo_groups(STREAM)?;
    Ok(groups
        .iter()
        .all(|group| group.pending == 0 && group.last_delivered_id == last))
}

fn produce(crew: &Crew<'_>, sender: usize) -> (Tally, Vec<Fate>) {
    let mut tally = Tally::new(Kind::Streams);
    let mut fates = Vec::new();
    while !crew.is_over() {
        let ticket = Ticket {
            sender,
            number: fates.len(),
            at: micros(crew.start.elapsed()),
        };
        let added = crew.client.xadd(STREAM, "*", ("ticket", ticket.text()));
        fates.push(Fate::of(&added));
        if let Err(error) = added {
            tally.fails(error);
        }
        crew.pace();
    }
    (tally, fates)
}

/// Takes part in the group until it is stopped.
fn consume(crew: &Crew<'_>, consumer: StreamConsumer, handled: &AtomicU64) -> (Tally, Arrivals) {
    let mut tally = Tally::new(Kind::Streams);
    let mut arrivals = Arrivals::default();
    let mut recorder = crew.recorder();
    for delivery in consumer {
        let delivery = match delivery {
            Ok(delivery) => delivery,
            Err(error) => {
                tally.fails(error);
                continue;
            }
        };
        let text = delivery.get::<String>("ticket").ok().flatten();
        match text.as_deref().and_then(Ticket::read) {
            Some(ticket) => {
                recorder.since(ticket.at);
                if delivery.deliveries() > 1 {
                    arrivals.add_again(ticket);
                } else {
                    arrivals.add(ticket);
                }
                tally.done += 1;
            }
            None => tally.lost += 1,
        }
        if let Err(error) = delivery.ack() {
            tally.fails(error);
        }
        handled.fetch_add(1, Ordering::Relaxed);
    }
    tally.measured = recorder.finish();
    (tally, arrivals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Promise;
    use crate::work::tests::{SOON, executed, found};
    use hitless::sim::{Fault, Sim, Times};
    use hitless::{StreamId, cmd};

    const ROUNDS: usize = 5;

    fn more_are_done(sim: &Sim) {
        let before = executed(sim, "xack");
        assert!(sim.wait_until(SOON, |_| executed(sim, "xack") > before + 20));
    }

    /// What is found where entries that are done with become pending again, as if delivered so many times before.
    fn found_of_repetitions(deliveries: u64) -> Tally {
        found(Kind::Streams, |sim, client| {
            for round in 0..ROUNDS {
                more_are_done(sim);
                let pending = || {
                    let list = client.xpending_count(STREAM, GROUP, "-", "+", 10_000);
                    list.unwrap().into_iter().map(|pending| pending.id)
                };
                let open: Vec<StreamId> = pending().collect();
                let all = client.xrange_all(STREAM).unwrap();
                // The first of these are done with: more than 20 are, and those to come are behind.
                let mut done = (all.iter().map(|entry| entry.id)).filter(|id| !open.contains(id));
                let again = done.nth(round).unwrap();
                let claim = cmd("XCLAIM").args((STREAM, GROUP, "worker-0", 0, again));
                let claim = claim.args(("RETRYCOUNT", deliveries, "FORCE", "JUSTID"));
                claim.exec(client).unwrap();
                let since = Instant::now();
                while pending().any(|id| id == again) {
                    assert!(since.elapsed() < SOON, "nobody has looked");
                    // Whoever reads and is told so looks what is pending with its name: one of two does.
                    let line = "UNBLOCKED the stream key no longer exists";
                    let fault = Fault::Answer("xreadgroup".into(), line.into());
                    sim.fault_times(sim.node(0), fault, Times::Next(1));
                    more_are_done(sim);
                }
            }
        })
    }

    #[test]
    fn what_comes_twice_and_says_so_is_told() {
        let tally = found_of_repetitions(1);
        assert!(tally.doubled >= ROUNDS as u64, "{tally:?}");
        assert_eq!((tally.lost, tally.errors), (0, 0), "{tally:?}");
        assert_eq!(tally.doubled, tally.doubled_told);
        assert_eq!(tally.promise(), Promise::Told);
    }

    #[test]
    fn what_comes_twice_and_does_not_say_so_breaks_the_promise() {
        let tally = found_of_repetitions(0);
        assert!(tally.doubled >= ROUNDS as u64, "{tally:?}");
        assert_eq!((tally.lost, tally.errors), (0, 0), "{tally:?}");
        assert_eq!((tally.doubled_told, tally.promise()), (0, Promise::Broken));
    }

    #[test]
    fn what_killed_connections_make_come_again_is_neither_lost_nor_doubled_untold() {
        let tally = found(Kind::Streams, |sim, _| {
            let mut killed = 0;
            for _ in 0..ROUNDS {
                more_are_done(sim);
                // Of those that read for the group; entries are added and acknowledged over others.
                for one in sim.connections() {
                    if one.is_open() && one.count("xreadgroup") > 0 && one.count("xadd") == 0 {
                        sim.kill(one.id);
                        killed += 1;
                    }
                }
            }
            assert!(killed > 0);
            more_are_done(sim);
        });
        assert_eq!((tally.lost, tally.errors), (0, 0), "{tally:?}");
        assert_eq!(tally.doubled, tally.doubled_told);
        assert_ne!(tally.promise(), Promise::Broken);
    }
}
