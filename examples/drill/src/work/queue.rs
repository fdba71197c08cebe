//! A work queue: some threads push, others wait in `BLPOP`. Never waits for less than the next element: a wait
//! without an end is the one that a move could lose.

use super::book::{Arrivals, Fate, Ticket};
use super::{Crew, Kind, Tally, joined};
use crate::record::micros;
use hitless::Commands;
use std::thread;
use std::time::Duration;

const QUEUE: &str = "drill:queue";

/// What ends a consumer.
const END: &str = "end";

pub(super) fn work(crew: &Crew<'_>) -> Result<Tally, String> {
    let mut tally = Tally::new(Kind::Queue);
    let (sent, received) = thread::scope(|scope| {
        let consumers: Vec<_> = (0..crew.size)
            .map(|_| scope.spawn(|| consume(crew)))
            .collect();
        let producers: Vec<_> = (0..crew.size)
            .map(|sender| scope.spawn(move || produce(crew, sender)))
            .collect();
        let sent = joined(producers);
        // Behind everything that was sent: whoever takes one of these leaves nothing in front of it.
        for _ in 0..crew.size {
            while crew.client.rpush(QUEUE, END).is_err() {
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
    tally.weigh(arrivals.against(&fates));
    Ok(tally)
}

fn produce(crew: &Crew<'_>, sender: usize) -> (Tally, Vec<Fate>) {
    let mut tally = Tally::new(Kind::Queue);
    let mut fates = Vec::new();
    while !crew.is_over() {
        let ticket = Ticket {
            sender,
            number: fates.len(),
            at: micros(crew.start.elapsed()),
        };
        let pushed = crew.client.rpush(QUEUE, ticket.text());
        fates.push(Fate::of(&pushed));
        if let Err(error) = pushed {
            tally.fails(error);
        }
        crew.pace();
    }
    (tally, fates)
}

fn consume(crew: &Crew<'_>) -> (Tally, Arrivals) {
    let mut tally = Tally::new(Kind::Queue);
    let mut arrivals = Arrivals::default();
    let mut recorder = crew.recorder();
    loop {
        let element = crew.client.blpop::<(), String>(QUEUE, Duration::ZERO);
        match element {
            Ok(Some(((), element))) if element == END => break,
            Ok(Some(((), element))) => match Ticket::read(&element) {
                Some(ticket) => {
                    recorder.since(ticket.at);
                    arrivals.add(ticket);
                    tally.done += 1;
                }
                None => tally.lost += 1,
            },
            Ok(None) => tally.lost += 1,
            Err(error) => {
                tally.fails(error);
                crew.pace();
            }
        }
    }
    tally.measured = recorder.finish();
    (tally, arrivals)
}
