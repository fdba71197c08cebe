//! Messages: each sender has a channel and a shard channel, and each of three subscribers, by channels, by a
//! pattern and by shard channels, must get everything in the order in which it was published. Never subscribes
//! a second time: what survives a move is what the client makes of it.

use super::book::{Arrivals, Fate, Ticket};
use super::{Crew, Kind, Tally, joined};
use crate::record::micros;
use hitless::{Commands, Message, Subscriber, SubscriberEvent};
use std::collections::HashMap;
use std::thread;
use std::time::Duration;

/// The last message of each channel.
const END: &str = "end";

/// How long the last messages may take, at which something is lost for certain.
const PATIENCE: Duration = Duration::from_secs(10);

fn channel(sender: usize) -> String {
    format!("drill:news:{sender}")
}

fn shard(sender: usize) -> String {
    format!("drill:shard:{sender}")
}

pub(super) fn work(crew: &Crew<'_>) -> Result<Tally, String> {
    let mut tally = Tally::new(Kind::Pubsub);
    let subscribers = subscribers(crew).map_err(|error| error.to_string())?;
    let (sent, received) = thread::scope(|scope| {
        let readers: Vec<_> = subscribers
            .into_iter()
            .map(|subscriber| scope.spawn(move || read(crew, subscriber)))
            .collect();
        let senders: Vec<_> = (0..crew.size)
            .map(|sender| scope.spawn(move || publish(crew, sender)))
            .collect();
        let sent = joined(senders);
        let received = joined(readers);
        sent.and_then(|sent| received.map(|received| (sent, received)))
    })?;
    let (mut news, mut shards) = (Vec::new(), Vec::new());
    for (one, of_channel, of_shard) in sent {
        news.push(of_channel);
        shards.push(of_shard);
        tally.add(one);
    }
    // In the order of `subscribers`: channels, a pattern that matches them, shard channels.
    for ((one, arrivals), fates) in received.into_iter().zip([&news, &news, &shards]) {
        let (lost, doubled) = arrivals.against(fates);
        tally.add(one);
        tally.lost += lost;
        tally.doubled += doubled;
    }
    Ok(tally)
}

/// Subscribed before the first message goes out.
fn subscribers(crew: &Crew<'_>) -> hitless::Result<[Subscriber; 3]> {
    let names = |name: fn(usize) -> String| (0..crew.size).map(name).collect::<Vec<_>>();
    let by_channel = crew.client.subscriber()?;
    by_channel.subscribe(names(channel))?;
    let by_pattern = crew.client.subscriber()?;
    by_pattern.psubscribe("drill:news:*")?;
    let by_shard = crew.client.subscriber()?;
    by_shard.ssubscribe(names(shard))?;
    Ok([by_channel, by_pattern, by_shard])
}

fn publish(crew: &Crew<'_>, sender: usize) -> (Tally, Vec<Fate>, Vec<Fate>) {
    let mut tally = Tally::new(Kind::Pubsub);
    let (mut news, mut shards) = (Vec::new(), Vec::new());
    let (channel, shard) = (channel(sender), shard(sender));
    while !crew.is_over() {
        let ticket = Ticket {
            sender,
            number: news.len(),
            at: micros(crew.start.elapsed()),
        };
        for (fates, published) in [
            (&mut news, crew.client.publish(&channel, ticket.text())),
            (&mut shards, crew.client.spublish(&shard, ticket.text())),
        ] {
            fates.push(Fate::of(&published));
            if let Err(error) = published {
                tally.fails(error);
            }
        }
        crew.pace();
    }
    while crew.client.publish(&channel, END).is_err() {
        crew.pace();
    }
    while crew.client.spublish(&shard, END).is_err() {
        crew.pace();
    }
    (tally, news, shards)
}

fn read(crew: &Crew<'_>, mut subscriber: Subscriber) -> (Tally, Arrivals) {
    let mut tally = Tally::new(Kind::Pubsub);
    let mut arrivals = Arrivals::default();
    let mut recorder = crew.recorder();
    let mut next: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut open = crew.size;
    while open > 0 {
        match subscriber.next_within(PATIENCE) {
            Ok(Some(SubscriberEvent::Message(Message {
                channel, payload, ..
            }))) => {
                if payload == END.as_bytes() {
                    open -= 1;
                    continue;
                }
                match Ticket::read(&String::from_utf8_lossy(&payload)) {
                    Some(ticket) => {
                        recorder.since(ticket.at);
                        let next = next.entry(channel).or_default();
                        // What comes behind a later one is as bad as what comes twice; that is counted below.
                        let is_late = arrivals.add(ticket) && ticket.number < *next;
                        tally.doubled += u64::from(is_late);
                        *next = (*next).max(ticket.number + 1);
                        tally.done += 1;
                    }
                    None => tally.lost += 1,
                }
            }
            // A gap, or messages that were dropped: the numbers say how many are missing.
            Ok(Some(_)) => {}
            Ok(None) => {
                // What is missing at the end of a channel.
                if crew.is_over() {
                    tally.lost += open as u64;
                    break;
                }
            }
            Err(error) => {
                tally.fails(error);
                break;
            }
        }
    }
    tally.measured = recorder.finish();
    (tally, arrivals)
}
