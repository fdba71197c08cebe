//! A stream and a group: some threads add entries, others read them for the group, acknowledge them and delete
//! nothing. Afterwards nothing may be pending.

use super::book::{Arrivals, Fate, Ticket};
use super::{Crew, Kind, Tally, joined};
use crate::record::micros;
use hitless::{Commands, StreamEntry, XReadOptions};
use std::thread;
use std::time::Duration;

const STREAM: &str = "drill:stream";
const GROUP: &str = "workers";

/// What ends a consumer.
const END: &str = "end";

pub(super) fn work(crew: &Crew<'_>) -> Result<Tally, String> {
    let mut tally = Tally::new(Kind::Streams);
    let client = crew.client;
    let made = client.xgroup_create_mkstream(STREAM, GROUP, "0");
    made.map_err(|error| error.to_string())?;
    let (sent, received) = thread::scope(|scope| {
        let consumers: Vec<_> = (0..crew.size)
            .map(|name| scope.spawn(move || consume(crew, name)))
            .collect();
        let producers: Vec<_> = (0..crew.size)
            .map(|sender| scope.spawn(move || produce(crew, sender)))
            .collect();
        let sent = joined(producers);
        // Each consumer takes one entry at a time, so each gets one of these.
        for _ in 0..crew.size {
            while client.xadd(STREAM, "*", ("ticket", END)).is_err() {
                crew.pace();
            }
        }
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
    let (lost, doubled) = arrivals.against(&fates);
    let pending = client.xpending(STREAM, GROUP);
    let pending = pending.map_err(|error| error.to_string())?.count;
    // What nobody has acknowledged would be worked on again.
    tally.lost += lost;
    tally.doubled += doubled + pending;
    Ok(tally)
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

fn consume(crew: &Crew<'_>, name: usize) -> (Tally, Arrivals) {
    let mut tally = Tally::new(Kind::Streams);
    let mut arrivals = Arrivals::default();
    let mut recorder = crew.recorder();
    let options = XReadOptions::new().count(1);
    let client = crew.client;
    loop {
        let read =
            client.xreadgroup_block::<()>(GROUP, name, STREAM, ">", Duration::ZERO, &options);
        let entries: Vec<StreamEntry> = match read {
            Ok(streams) => streams
                .into_iter()
                .flat_map(|(_, entries)| entries)
                .collect(),
            Err(error) => {
                tally.fails(error);
                crew.pace();
                continue;
            }
        };
        for entry in entries {
            if let Err(error) = client.xack(STREAM, GROUP, entry.id) {
                tally.fails(error);
            }
            let text = entry
                .get::<String>("ticket")
                .ok()
                .flatten()
                .unwrap_or_default();
            if text == END {
                tally.measured = recorder.finish();
                return (tally, arrivals);
            }
            match Ticket::read(&text) {
                Some(ticket) => {
                    recorder.since(ticket.at);
                    arrivals.add(ticket);
                    tally.done += 1;
                }
                None => tally.lost += 1,
            }
        }
    }
}
