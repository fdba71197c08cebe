//! Messages: each sender has a channel and a shard channel, and each of three subscribers, by channels, by a
//! pattern and by shard channels, must get everything in the order in which it was published. Never subscribes
//! a second time: what survives a move is what the client makes of it. What is missing is either in a gap that the
//! subscriber was told of, or was lost without a word.

use super::book::{Arrivals, Fate, Ticket};
use super::{Crew, Kind, Tally, joined};
use crate::record::micros;
use hitless::{Commands, Message, Subscriber, SubscriberEvent};
use std::collections::{BTreeSet, HashMap};
use std::thread;
use std::time::Duration;

/// The last message of each channel, in front of its sender.
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
        tally.add(one);
        tally.weigh(arrivals.against(fates));
        tally.gaps += arrivals.gaps();
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
    let end = format!("{END}-{sender}");
    while crew.client.publish(&channel, &end).is_err() {
        crew.pace();
    }
    while crew.client.spublish(&shard, &end).is_err() {
        crew.pace();
    }
    (tally, news, shards)
}

fn read(crew: &Crew<'_>, mut subscriber: Subscriber) -> (Tally, Arrivals) {
    let mut tally = Tally::new(Kind::Pubsub);
    let mut arrivals = Arrivals::default();
    let mut recorder = crew.recorder();
    let mut next: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut open: BTreeSet<usize> = (0..crew.size).collect();
    while !open.is_empty() {
        match subscriber.next_within(PATIENCE) {
            Ok(Some(SubscriberEvent::Message(Message {
                channel, payload, ..
            }))) => {
                let text = String::from_utf8_lossy(&payload);
                if let Some(sender) = ended(&text) {
                    open.remove(&sender);
                    continue;
                }
                match Ticket::read(&text) {
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
            // The numbers around it say how many are missing here.
            Ok(Some(
                SubscriberEvent::Resubscribed { gap: true, .. } | SubscriberEvent::Dropped { .. },
            )) => arrivals.tell_gap(),
            Ok(Some(_)) => {}
            Ok(None) => {
                // The last message is missing, and what is missing in front of it is counted by its number.
                if crew.is_over() {
                    let told = open.iter().filter(|sender| arrivals.is_gap_open(**sender));
                    tally.lost_told += told.count() as u64;
                    tally.lost += open.len() as u64;
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

/// Whose last message it is, if it is one.
fn ended(text: &str) -> Option<usize> {
    let sender = text.strip_prefix(END)?.strip_prefix('-')?;
    sender.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Promise;
    use crate::work::tests::{SOON, executed, found};
    use hitless::Client;
    use hitless::sim::{Fault, Sim};

    /// Ends the connections of the subscribers, and lets no other be made until more was published.
    fn cut(sim: &Sim, _: &Client) {
        let published = || executed(sim, "publish");
        assert!(sim.wait_until(SOON, |_| published() > 20));
        let node = sim.node(0);
        sim.fault(node, Fault::Refuse);
        for one in sim.connections() {
            let words = ["subscribe", "psubscribe", "ssubscribe"];
            if words.iter().any(|word| one.count(word) > 0) {
                sim.kill(one.id);
            }
        }
        let before = published();
        assert!(sim.wait_until(SOON, |_| published() > before + 20));
        sim.clear_faults(node).unwrap();
        let opened = |word: &str| {
            let all = sim.connections();
            all.iter().any(|one| one.is_open() && one.count(word) > 0)
        };
        assert!(sim.wait_until(SOON, |_| {
            ["subscribe", "psubscribe", "ssubscribe"]
                .iter()
                .all(|word| opened(word))
        }));
        let before = published();
        assert!(sim.wait_until(SOON, |_| published() > before + 20));
    }

    #[test]
    fn what_a_killed_connection_loses_is_told() {
        let tally = found(Kind::Pubsub, cut);
        // Each of three was told once; 20 messages at the least went past two of them.
        assert_eq!(tally.gaps, 3, "{tally:?}");
        assert!(tally.lost_told > 40, "{tally:?}");
        assert_eq!((tally.lost, tally.doubled), (tally.lost_told, 0));
        assert_eq!(tally.promise(), Promise::Told);
    }

    #[test]
    fn without_a_disturbance_nothing_is_lost() {
        let tally = found(Kind::Pubsub, |sim, _| {
            assert!(sim.wait_until(SOON, |_| executed(sim, "publish") > 20));
        });
        assert_eq!((tally.lost, tally.gaps, tally.errors), (0, 0, 0));
        assert_eq!(tally.promise(), Promise::Kept);
    }
}
