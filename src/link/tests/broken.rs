//! A connection that the system gives up, because the other machine no longer acknowledges anything.

use crate::clock;
use crate::link::fake::{self, Note, one, patient};
use crate::link::{Deadline, Failure, Outcome};
use std::io;
use std::thread;
use std::time::Duration;

const WHY: &str = "the server's machine stopped acknowledging (TCP user timeout or keepalive)";

/// Without a library between, and with one, as TLS is.
const KINDS: [bool; 2] = [false, true];

#[test]
fn a_connection_given_up_by_the_system_under_a_waiting_caller_is_named_so() {
    for has_library in KINDS {
        let (link, far, notes) = fake::link();
        if has_library {
            far.add_library();
        }
        thread::scope(|scope| {
            let call = scope.spawn(|| link.call(one(b"first\n"), &patient()));
            far.until_read();
            far.break_off(io::ErrorKind::TimedOut);
            match call.join().unwrap().unwrap() {
                Outcome::Failed(failure) => {
                    let Failure { reason, .. } = *failure;
                    assert_eq!(reason.unwrap().to_string(), WHY);
                }
                other => panic!("no failure: {other:?}"),
            }
        });
        notes.until_ended();
        link.join();
        assert_eq!(notes.count(&Note::Ended(1, WHY.to_owned())), 1);
    }
}

#[test]
fn a_connection_given_up_by_the_system_while_nobody_waits_is_named_so() {
    for has_library in KINDS {
        let (link, far, notes) = fake::link();
        if has_library {
            far.add_library();
        }
        far.until_armed();
        far.break_off(io::ErrorKind::TimedOut);
        notes.until_ended();
        link.join();
        assert_eq!(notes.count(&Note::Ended(1, WHY.to_owned())), 1);
    }
}

#[test]
fn a_connection_given_up_by_the_system_before_a_command_is_written_is_named_so() {
    for has_library in KINDS {
        let (link, far, notes) = fake::link();
        if has_library {
            far.add_library();
        }
        far.until_armed();
        far.break_off_unseen(io::ErrorKind::TimedOut);
        // It looks before it writes: nobody has used the link for longer than a moment.
        let later = Deadline::new(clock::now() + Duration::from_secs(1), None, None, false);
        assert!(link.call(one(b"first\n"), &later).is_err());
        assert_eq!(link.refusal().to_string(), WHY);
        notes.until_ended();
        link.join();
        assert_eq!(notes.count(&Note::Ended(1, WHY.to_owned())), 1);
    }
}
