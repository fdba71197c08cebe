//! News for many: one subscriber hands what is published to a thread for each kind, until another thread stops it.
//! Nothing that had come by then is dropped.
//!
//! ```text
//! cargo run --example fan_out -- redis://127.0.0.1:6379
//! ```
#![allow(clippy::print_stdout, reason = "it is what an example does")]

use hitless::{Client, Commands, Subscriber, SubscriberEvent};
use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// How many messages go to each kind of news.
const EACH: usize = 100;

const KINDS: [&str; 3] = ["sport", "weather", "work"];

/// Hands each message to the thread of its kind, in the order in which it was published. Ends when the subscriber is
/// stopped.
fn fan_out(
    news: Subscriber,
    desks: &BTreeMap<Vec<u8>, Sender<Vec<u8>>>,
) -> Result<(), hitless::Error> {
    for event in news {
        match event? {
            SubscriberEvent::Message(message) => {
                let kind = message.channel.strip_prefix(b"example:news:");
                if let Some(desk) = kind.and_then(|kind| desks.get(kind)) {
                    // A desk that has closed wants no more.
                    let _ = desk.send(message.payload);
                }
            }
            // The connection was lost, and with it what was published meanwhile.
            SubscriberEvent::Resubscribed { gap: true, .. } => {
                println!("some news may be missing here")
            }
            // The threads were too slow, and the mailbox is full.
            SubscriberEvent::Dropped { count, .. } => println!("{count} news were dropped"),
            other => println!("{other:?}"),
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let client = Client::connect(url.as_deref().unwrap_or("redis://127.0.0.1:6379"))?;
    let news = client.subscriber()?;
    // Returns when the server has confirmed it: whatever is published from here on comes.
    news.psubscribe("example:news:*")?;
    let control = news.control();
    thread::scope(|scope| {
        let mut desks = BTreeMap::new();
        let mut readers = Vec::new();
        for kind in KINDS {
            let (desk, incoming) = channel::<Vec<u8>>();
            desks.insert(kind.as_bytes().to_vec(), desk);
            readers.push(scope.spawn(move || (kind, incoming.into_iter().count())));
        }
        let reader = scope.spawn(move || fan_out(news, &desks));
        for number in 0..EACH {
            for kind in KINDS {
                // The server tells to how many it has passed the message on.
                let heard = client.publish(format!("example:news:{kind}"), number)?;
                if heard == 0 {
                    println!("nobody has heard {kind} {number}");
                }
            }
        }
        // The end of the news themselves, so that all of them have come before the stop.
        control.punsubscribe("example:news:*")?;
        control.stop();
        if let Ok(ended) = reader.join() {
            ended?;
        }
        for (kind, count) in readers.into_iter().flat_map(thread::ScopedJoinHandle::join) {
            println!("{kind}: {count} news");
        }
        Ok(())
    })
}
