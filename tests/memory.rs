//! How much memory large values take, and a server and the program's own code can make the client keep. One test
//! for the process, whose memory it measures.
#![cfg(all(feature = "sim", target_os = "linux"))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics when a claim is false"
)]

mod common;

use common::fake::{Fake, Peer, bulk, opening_answer};
use common::{SOON, eventually, patient};
use hitless::{Client, Commands, MaintenanceOptions, Notice, NotificationHook, Options, Reaction};
use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::{Arc, Condvar, Mutex};

/// A hook that hangs until it is released.
#[derive(Default)]
struct Hanging {
    is_released: Mutex<bool>,
    bell: Condvar,
}

impl NotificationHook for Hanging {
    fn before(&self, _: &Notice) -> Reaction {
        let released = self.is_released.lock().unwrap();
        let _released = self.bell.wait_while(released, |released| !*released);
        Reaction::Continue
    }
}

/// The most that the process has had in memory, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<usize>().unwrap() << 10
}

/// A push of a notification with these arguments.
fn push(name: &str, args: &[&[u8]]) -> Vec<u8> {
    let mut out = format!(">{}\r\n", args.len() + 1).into_bytes();
    out.extend(bulk(name.as_bytes()));
    args.iter().for_each(|arg| out.extend(bulk(arg)));
    out
}

#[test]
fn large_values_a_hook_that_hangs_and_a_flood_of_pushes_take_little_memory() {
    // First, because what is measured is the most that there ever was.
    set_large_values();
    hang_and_flood();
}

/// Sets values of which the memory would show a copy.
fn set_large_values() {
    const LARGE: usize = 64 << 20;
    const ROOM: usize = 16 << 20;
    // Keeps nothing of what it is sent.
    let fake = Fake::start(|peer| {
        peer.next()?;
        peer.send("+PONG\r\n")?;
        let mut room = vec![0; 64 << 10];
        for head in [
            "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n",
            "*4\r\n$4\r\nHSET\r\n$3\r\nkey\r\n$5\r\nfield\r\n",
        ] {
            let mut left = head.len() + format!("${LARGE}\r\n\r\n").len() + LARGE;
            while left > 0 {
                let most = left.min(room.len());
                peer.stream.read_exact(&mut room[..most])?;
                left -= most;
            }
            peer.send(if head.contains("HSET") {
                ":1\r\n"
            } else {
                "+OK\r\n"
            })?;
        }
        peer.serve()
    });
    let options = patient(Options::new(&fake.address.to_string()).unwrap()).pool_size(1);
    let client = Client::connect(options).unwrap();
    client.ping().unwrap();
    let value = vec![b'x'; LARGE];
    let before = resident();
    client.set("key", &value).unwrap();
    client.hset("key", "field", &value).unwrap();
    let grown = resident().saturating_sub(before);
    assert!(grown < ROOM, "{} MiB beside the value", grown >> 20);
    client.close();
}

fn hang_and_flood() {
    const FLOOD: u64 = 1120;
    const LISTS: u64 = 400;
    const ROOM: usize = 64 << 20;
    let fake = Fake::start(Peer::serve);
    let hook = Arc::new(Hanging::default());
    // The longest there may be: little that waits for the hook is given up.
    let maintenance = MaintenanceOptions::new()
        .hook(Arc::<Hanging>::clone(&hook))
        .hook_timeout(SOON / 2);
    let options = patient(Options::new(&fake.address.to_string()).unwrap()).pool_size(1);
    let client = Client::connect(options.maintenance(maintenance)).unwrap();
    let before = resident();

    // Names of shards of 1 MB.
    let shards = vec![b's'; 1 << 20];
    for number in 0..FLOOD {
        let seq = number.to_string();
        fake.send(0, push("MIGRATING", &[seq.as_bytes(), b"1", &shards]));
        if number % 20 == 0 || number + 1 == FLOOD {
            // By and by: a gigabyte takes its time on a busy machine.
            eventually("all are read", || {
                client.stats().notifications == number + 1
            });
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < ROOM, "{} MiB for names of shards", grown >> 20);

    // As many slots as may be, in notifications of their own.
    let mut slots = "1".to_owned();
    (1..16_384).for_each(|slot| write!(slots, ",{slot}").unwrap());
    for number in 0..LISTS {
        let seq = number.to_string();
        fake.send(0, push("SMIGRATING", &[seq.as_bytes(), slots.as_bytes()]));
        if number % 20 == 0 || number + 1 == LISTS {
            eventually("all are read", || {
                client.stats().notifications == FLOOD + number + 1
            });
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < ROOM, "{} MiB with lists of slots", grown >> 20);
    client.ping().unwrap();

    // Before the first reply of another connection.
    let early = push("MIGRATING", &[b"1", b"1", &shards]);
    let noisy = Fake::start(move |peer| {
        peer.read()?;
        for _ in 0..200 {
            peer.send(&early)?;
        }
        peer.send(opening_answer(&vec![b"HELLO".to_vec()]).unwrap())?;
        peer.serve()
    });
    let other = patient(Options::new(&noisy.address.to_string()).unwrap());
    let other = Client::connect(other.pool_size(1)).unwrap();
    let grown = resident().saturating_sub(before);
    assert!(grown < ROOM, "{} MiB during an opening", grown >> 20);
    other.close();
    *hook.is_released.lock().unwrap() = true;
    hook.bell.notify_all();
    client.close();
}
