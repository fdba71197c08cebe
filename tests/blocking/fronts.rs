//! Two servers, one after the other, behind one address: what the old one blocks must not be ended at the new one,
//! which gives the same numbers to others.

use super::{ClosedIfFailed, eager};
use crate::common::eventually;
use crate::common::fake::{Fake, Peer, Words, answer, moving, opening_answer};
use hitless::{Canceller, Client, Commands, Delivery, Error, Options};
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const FOR_EVER: Duration = Duration::ZERO;

/// What stands behind the address.
#[derive(Default)]
struct Behind {
    /// How many connections came before the one that the new server got first; 0: they all go to the old one.
    old: AtomicUsize,
    /// How many connections the new server serves; the others get no answer.
    serves: usize,
    /// The connections that block at the old server.
    blocked: Mutex<Vec<TcpStream>>,
    /// How many commands the new server blocks.
    resumed: AtomicUsize,
    /// What the new server was asked to end.
    strangers: Mutex<Vec<Vec<u8>>>,
}

/// Whether these are the words of a subcommand of CLIENT.
fn is_client(words: &Words, subcommand: &str) -> bool {
    words[0] == b"CLIENT" && words[1] == subcommand.as_bytes()
}

impl Behind {
    /// Serves one connection, by the server that the address leads to when it comes.
    fn serve(&self, peer: &mut Peer) -> io::Result<()> {
        let old = self.old.load(Ordering::SeqCst);
        let is_old = old == 0 || peer.number < old;
        let is_served = is_old || peer.number < old + self.serves;
        loop {
            let words = peer.read()?;
            if !is_served {
                continue;
            }
            if is_client(&words, "ID") {
                peer.send(":7\r\n")?;
            } else if words[0] == b"BLPOP" {
                let mut blocked = self.blocked.lock().unwrap();
                if is_old {
                    blocked.push(peer.stream.try_clone()?);
                } else {
                    self.resumed.fetch_add(1, Ordering::SeqCst);
                }
            } else if is_client(&words, "UNBLOCK") {
                let mut freed = 1;
                if is_old {
                    let blocked = std::mem::take(&mut *self.blocked.lock().unwrap());
                    freed = blocked.len();
                    for mut stream in blocked {
                        stream.write_all(b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")?;
                    }
                } else {
                    self.strangers.lock().unwrap().push(words[2].clone());
                }
                peer.send(format!(":{freed}\r\n"))?;
            } else if let Some(answer) = opening_answer(&words) {
                peer.send(answer)?;
            } else {
                peer.send(answer(&words))?;
            }
        }
    }

    fn start(serves: usize) -> (Arc<Self>, Fake) {
        let behind = Arc::new(Self {
            serves,
            ..Self::default()
        });
        let fake = Fake::start({
            let behind = Arc::clone(&behind);
            move |peer| behind.serve(peer)
        });
        (behind, fake)
    }

    /// The address leads to the new server from now on, and each connection of the old one is told so.
    fn change(&self, fake: &Fake) {
        let before = fake.accepted();
        self.old.store(before, Ordering::SeqCst);
        let own = fake.address.to_string();
        (0..before).for_each(|number| fake.send(number, moving(1, 4, Some(&own))));
    }

    fn is_blocked(&self) -> bool {
        !self.blocked.lock().unwrap().is_empty()
    }

    fn strangers(&self) -> Vec<Vec<u8>> {
        self.strangers.lock().unwrap().clone()
    }
}

/// Blocks until it is cancelled, while this happens.
fn cancelled_after(client: &Client, happens: impl FnOnce()) -> Error {
    let canceller = Canceller::new();
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(client);
        let mine = client.cancelled_by(&canceller);
        let consumer = scope.spawn(move || mine.blpop::<(), String>("queue", FOR_EVER));
        happens();
        canceller.cancel();
        consumer.join().unwrap().unwrap_err()
    })
}

#[test]
fn shared_connections_that_have_moved_end_nothing_at_the_new_server() {
    let (behind, fake) = Behind::start(1);
    let client = eager(
        Options::new(&fake.address.to_string())
            .unwrap()
            .pool_size(1),
    );
    let error = cancelled_after(&client, || {
        eventually("it blocks", || behind.is_blocked());
        behind.change(&fake);
        // The connection that is shared has moved, and that which blocks waits for the new server to answer.
        eventually("one has moved", || client.stats().connections_moved == 1);
    });
    assert_eq!(behind.strangers(), Vec::<Vec<u8>>::new());
    // The old one is still asked, by the connection that was shared before.
    assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
}

#[test]
fn nobody_dials_what_may_be_another_server_to_end_a_command() {
    let (behind, fake) = Behind::start(usize::MAX / 2);
    let options = Options::new(&fake.address.to_string()).unwrap();
    let client = Client::lazy(options).unwrap();
    let error = cancelled_after(&client, || {
        eventually("it blocks", || behind.is_blocked());
        behind.change(&fake);
        eventually("the move is known", || {
            !client.maintenance().handoffs.is_empty()
        });
    });
    assert_eq!(behind.strangers(), Vec::<Vec<u8>>::new());
    assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
}

#[test]
fn an_address_that_was_left_after_a_change_behind_it_leads_no_more_to_the_first_server() {
    let (behind, fake) = Behind::start(usize::MAX / 2);
    let (_elsewhere, other) = Behind::start(0);
    let options = Options::new(&fake.address.to_string()).unwrap();
    let client = Client::lazy(options).unwrap();
    let error = cancelled_after(&client, || {
        eventually("it blocks", || behind.is_blocked());
        behind.change(&fake);
        eventually("it has moved", || client.stats().connections_moved == 1);
        let there = other.address.to_string();
        fake.send(fake.accepted() - 1, moving(2, 60, Some(&there)));
        eventually("it has moved on", || client.stats().connections_moved == 2);
    });
    assert_eq!(behind.strangers(), Vec::<Vec<u8>>::new());
    assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
}

#[test]
fn a_command_goes_along_behind_one_address_by_a_connection_that_was_kept() {
    let (behind, fake) = Behind::start(usize::MAX / 2);
    let client = eager(
        Options::new(&fake.address.to_string())
            .unwrap()
            .pool_size(1),
    );
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let consumer = scope.spawn(|| client.blpop::<(), String>("queue", FOR_EVER));
        eventually("it blocks", || behind.is_blocked());
        behind.change(&fake);
        eventually("the old server gives it up", || !behind.is_blocked());
        let resumed = || behind.resumed.load(Ordering::SeqCst) == 1;
        eventually("it blocks at the new one", resumed);
        client.close();
        consumer.join().unwrap().unwrap_err();
    });
    assert_eq!(behind.strangers(), Vec::<Vec<u8>>::new());
}
