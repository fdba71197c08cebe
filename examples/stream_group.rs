//! A stream that two workers share as a group: each order is packed by one of them, one that fails three times is put
//! aside, and at the end they stop without leaving anything half done.
//!
//! ```text
//! cargo run --example stream_group -- redis://127.0.0.1:6379
//! ```
#![allow(clippy::print_stdout, reason = "it is what an example does")]

use hitless::{
    Client, Commands, StreamConsumer, StreamConsumerOptions, StreamDelivery, XReadOptions,
};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

const ORDERS: &str = "example:orders";
const ASIDE: &str = "example:orders:aside";

/// Packs one order, if it says what to pack.
fn pack(delivery: &StreamDelivery) -> Result<String, String> {
    let item: Option<String> = delivery.get("item").map_err(|error| error.to_string())?;
    item.ok_or_else(|| format!("nothing to pack, attempt {}", delivery.deliveries()))
}

/// Works until another thread stops it.
fn work(consumer: StreamConsumer, packed: &Sender<String>) -> hitless::Result<()> {
    for delivery in consumer {
        // Lost connections and moves are not seen here: an error is one that would stay.
        let delivery = delivery?;
        match pack(&delivery) {
            Ok(item) => {
                delivery.ack()?;
                // Nobody counts any more: the work is done all the same.
                let _ = packed.send(item);
            }
            // Not acknowledged: it is handed out again, to whoever finds it first.
            Err(why) => println!("{why}"),
        }
    }
    Ok(())
}

fn main() -> hitless::Result<()> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url)?;
    client.del([ORDERS, ASIDE])?;
    for item in ["tea", "rice", "soap"] {
        client.xadd(ORDERS, "*", [("item", item)])?;
    }
    client.xadd(ORDERS, "*", [("note", "as last time")])?;

    let (tell, packed) = channel();
    thread::scope(|scope| {
        let mut controls = Vec::new();
        let mut workers = Vec::new();
        for name in ["worker 1", "worker 2"] {
            let options = StreamConsumerOptions::new(ORDERS, "packing", name)
                .create_group("0")
                .count(1)
                // So short for the sake of the example: longer than it takes to pack.
                .claim_after(Some(Duration::from_millis(500)))
                .dead_letters(ASIDE, 3);
            let consumer = client.stream_consumer(&options);
            controls.push(consumer.control());
            let tell = tell.clone();
            workers.push(scope.spawn(move || work(consumer, &tell)));
        }
        drop(tell);
        for item in packed.iter().take(3) {
            println!("{item} is packed");
        }
        let aside = client.xread_block::<()>(ASIDE, 0, Duration::ZERO, &XReadOptions::new())?;
        for entry in aside.into_iter().flat_map(|(_, entries)| entries) {
            let note: Option<String> = entry.get("note")?;
            println!("put aside: {}", note.unwrap_or_default());
        }
        controls.iter().for_each(|control| control.stop());
        workers
            .into_iter()
            .try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })?;
    println!("{} left to do", client.xpending(ORDERS, "packing")?.count);
    Ok(())
}
