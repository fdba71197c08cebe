//! A server whose machine is gone while hands are shaken.

use super::{HandshakeError, handshake};
use crate::clock;
use crate::link::EndReason;
use crate::link::fake::cable;
use crate::protocol::handshake::Handshake;
use crate::protocol::{Limits, Protocol};
use std::io;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

const WHY: &str = "the server's machine stopped acknowledging (TCP user timeout or keepalive)";

#[test]
fn a_connection_given_up_by_the_system_while_it_is_opened_is_named_so() {
    for has_library in [false, true] {
        let (wire, far) = cable(None);
        if has_library {
            far.add_library();
        }
        let wanted = Handshake {
            protocol: Protocol::Resp3,
            resp2_will_do: true,
            username: None,
            password: None,
            client_name: None,
            library: None,
            database: 0,
            maintenance: None,
        };
        thread::scope(|scope| {
            let opened = scope.spawn(|| {
                let deadline = clock::now() + Duration::from_secs(20);
                let cancel = AtomicBool::new(false);
                handshake(&wire, wanted, Limits::default(), deadline, &cancel)
            });
            far.until_read();
            far.break_off(io::ErrorKind::TimedOut);
            match opened.join().unwrap() {
                Err(HandshakeError::Io(error)) => {
                    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                    assert_eq!(EndReason::Io(error.into()).to_string(), WHY);
                }
                other => panic!("{other:?}"),
            }
        });
    }
}
