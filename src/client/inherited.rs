//! A client in a child of `fork` touches no lock: a thread of the parent may have held it.

use super::Client;
use crate::LoggingHook;
use crate::command::{Commands, cmd, pipe};
use crate::error::{Delivery, Error, ErrorKind};
use crate::sync::{Arc, Process, Ranked};
use std::time::Duration;

/// A client that believes that another process has made it.
fn inherited() -> (Client, Process) {
    let mut client = Client::lazy("redis://127.0.0.1:1").unwrap();
    let shared = Arc::get_mut(&mut client.0).unwrap();
    let process = std::mem::replace(&mut shared.process, Process::elsewhere());
    (client, process)
}

fn assert_forked<T>(result: Result<T, Error>) {
    let error = result.err().unwrap();
    assert_eq!(*error.kind(), ErrorKind::Forked, "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(!error.is_safe_to_retry(), "{error:?}");
}

#[test]
fn an_inherited_client_is_refused_before_the_first_lock() {
    let (mut client, process) = inherited();
    let last = Ranked::<(), 63>::new(());
    // From here on any lock that this thread takes is out of order, which panics.
    let held = last.lock();
    assert_forked(client.ping());
    assert_forked(client.query::<String>(&cmd("ECHO").arg("text")));
    assert_forked(client.blpop::<String, String>(&["queue"], Duration::ZERO));
    for result in pipe().cmd(cmd("PING")).cmd(cmd("PING")).run(&client) {
        assert_forked(result);
    }
    for result in pipe().atomic().cmd(cmd("PING")).run(&client) {
        assert_forked(result);
    }
    assert_forked(client.add_hook(Arc::new(LoggingHook::default())));
    assert_eq!(client.stats().shared, []);
    assert!(client.maintenance().handoffs.is_empty());
    assert!(format!("{client:?}").contains("127.0.0.1"));
    client.close();
    drop(held);
    // Its threads run: none of this was a close.
    Arc::get_mut(&mut client.0).unwrap().process = process;
    assert!(!client.0.entries.is_closed());
}
