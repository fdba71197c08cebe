//! Which errors to `HELLO` mean that RESP2 is to be tried, and what is never tried again.

use super::{Server, bare, commands, error, full, hello, modern, play, required};
use hitless::unstable::handshake::{Answer, Handshake, Progress, Refusal, Refused, Script, Step};
use hitless::{Protocol, Value};

/// Errors that do not prove that `HELLO` was understood.
const UNPROVEN: [&str; 16] = [
    "unsupported command 'HELLO'",
    "ERR unsupported command",
    "ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'alice' 's3cr3t'",
    "ERR unknown command `HELLO`, with args beginning with: `3`, ",
    "unknown command",
    "ERR",
    "ERR wrong number of arguments for 'hello' command",
    "ERR syntax error",
    "ERR invalid command",
    "ERR command not allowed",
    "NOPERM this user has no permissions to run the 'hello' command",
    "NOPERM User default has no permissions to run the 'hello' command",
    "NOPROTO unsupported protocol version",
    "NOPROTO",
    "NOTSUPPORTED",
    "Proxy error: hello?",
];

/// Errors that prove it: the server judged the login, or spoke of its own state.
const PROVEN: [&str; 9] = [
    "WRONGPASS invalid username-password pair or user is disabled.",
    "ERR invalid password",
    "ERR Client sent AUTH, but no password is set",
    "LOADING Redis is loading the dataset in memory",
    "ERR max number of clients reached",
    "DENIED Redis is running in protected mode",
    "BUSY Redis is busy running a script",
    "MASTERDOWN Link with MASTER is down",
    "CLUSTERDOWN The cluster is down",
];

/// A script of which `HELLO` was answered so, and the rest as a server of today does.
fn after_hello(opening: Handshake, line: &str) -> (Script, Option<Refused>) {
    let mut script = Script::new(opening);
    let sent = commands(&script.poll_write().unwrap());
    for (place, command) in sent.iter().enumerate() {
        let reply = if place == 0 {
            error(line)
        } else {
            modern(command)
        };
        if let Err(refused) = script.handle_reply(reply) {
            return (script, Some(refused));
        }
    }
    (script, None)
}

#[test]
fn an_error_to_hello_that_proves_nothing_earns_one_attempt_in_resp2() {
    for line in UNPROVEN {
        for (opening, expected) in [
            (bare(Protocol::Resp3), "PING"),
            (full(Protocol::Resp3), "AUTH alice s3cr3t"),
        ] {
            let (mut script, refused) = after_hello(opening, line);
            assert_eq!(refused, None, "{line}");
            let again = commands(&script.poll_write().expect(line));
            assert_eq!(again[0], expected, "{line}");
            // One attempt, no more.
            let refused = script.handle_reply(error("DENIED no")).unwrap_err();
            assert!(script.poll_write().is_none());
            assert_eq!(refused.kind, Refusal::Other, "{line}");
        }
    }
}

#[test]
fn an_error_that_proves_that_hello_was_understood_ends_the_opening() {
    for line in PROVEN {
        let (mut script, refused) = after_hello(full(Protocol::Resp3), line);
        let refused = refused.expect(line);
        assert_eq!(refused.step, Step::Hello, "{line}");
        assert_eq!(script.poll_write(), None, "{line}: sent again");
        assert!(!refused.to_string().contains("s3cr3t"));
    }
}

#[test]
fn a_server_that_asks_for_a_login_which_hello_held_has_not_read_it() {
    let line = "NOAUTH Authentication required.";
    let (mut script, refused) = after_hello(full(Protocol::Resp3), line);
    assert_eq!(refused, None);
    assert_eq!(
        commands(&script.poll_write().unwrap())[0],
        "AUTH alice s3cr3t"
    );
    // Without a login to send there is nothing to try.
    let (_, refused) = after_hello(bare(Protocol::Resp3), line);
    let refused = refused.unwrap();
    assert_eq!(refused.kind, Refusal::Credentials);
    assert!(
        refused.to_string().contains("Authentication required."),
        "{refused}"
    );
}

#[test]
fn a_login_that_was_refused_is_not_sent_twice() {
    for refusal in [
        "WRONGPASS invalid username-password pair",
        "ERR invalid password",
        "ERR Authentication failed.",
    ] {
        let (mut script, refused) = after_hello(full(Protocol::Resp3), refusal);
        assert_eq!(refused.expect(refusal).kind, Refusal::Credentials);
        assert_eq!(script.poll_write(), None, "{refusal}");
    }
}

#[test]
fn resp3_asked_for_by_name_never_falls_back() {
    let by_name = |opening| Handshake {
        resp2_will_do: false,
        ..opening
    };
    for line in UNPROVEN {
        let (mut script, refused) = after_hello(by_name(full(Protocol::Resp3)), line);
        let refused = refused.expect(line);
        assert_eq!((refused.step, refused.kind), (Step::Hello, Refusal::Resp3));
        assert_eq!(script.poll_write(), None, "{line}");
        assert!(
            !format!("{refused} {refused:?}").contains("s3cr3t"),
            "{line}"
        );
    }
    let stays: Server = |command| match command {
        c if c.starts_with("HELLO") => hello(2),
        c => modern(c),
    };
    let (_, outcome) = play(by_name(bare(Protocol::Resp3)), stays);
    assert_eq!(outcome.unwrap_err().kind, Refusal::Resp3);
    // Nor do required notifications.
    for line in UNPROVEN {
        let (mut script, refused) = after_hello(required(Protocol::Resp3), line);
        assert_eq!(refused.expect(line).kind, Refusal::Maintenance);
        assert_eq!(script.poll_write(), None, "{line}");
    }
}

#[test]
fn a_ping_that_is_forbidden_or_unknown_was_answered_by_a_living_server() {
    for line in [
        "NOPERM this user has no permissions to run the 'ping' command",
        "ERR unknown command 'PING', with args beginning with: ",
        "ERR unsupported command 'PING'",
        "unknown command",
    ] {
        let mut script = Script::new(bare(Protocol::Resp2));
        assert_eq!(commands(&script.poll_write().unwrap()), ["PING"]);
        let progress = script.handle_reply(error(line));
        assert!(
            matches!(&progress, Ok(Progress::Done(greeting))
                if greeting.maintenance == Answer::NotAsked),
            "{line}: {progress:?}"
        );
    }
    for line in [
        "LOADING Redis is loading",
        "NOAUTH Authentication required.",
        "DENIED no",
    ] {
        let mut script = Script::new(bare(Protocol::Resp2));
        assert!(script.poll_write().is_some());
        script.handle_reply(error(line)).unwrap_err();
    }
}

#[test]
fn what_a_server_says_of_itself_is_kept_where_no_secret_can_stand_in_it() {
    let said = |opening, line: &str| after_hello(opening, line).1.unwrap().to_string();
    let denied = "DENIED Redis is running in protected mode: 'CONFIG SET protected-mode no'";
    assert!(said(bare(Protocol::Resp3), denied).contains(denied));
    assert!(!said(full(Protocol::Resp3), denied).contains("protected"));
    for line in [
        "LOADING Redis is loading the dataset in memory",
        "ERR max number of clients reached",
    ] {
        assert!(said(full(Protocol::Resp3), line).contains(line), "{line}");
    }
    // Arguments are repeated in quotes, and may be cut.
    let cut = "LOADING wait, then send 's3cr";
    assert!(!said(full(Protocol::Resp3), cut).contains("s3cr"));
    let whole = "LOADING s3cr3t";
    assert!(!said(full(Protocol::Resp3), whole).contains("s3cr3t"));
    let mut script = Script::new(full(Protocol::Resp2));
    assert!(script.poll_write().is_some());
    let refused = script.handle_reply(error("LOADING Redis is loading"));
    assert!(refused.unwrap_err().to_string().contains("is loading"));
}

#[test]
fn the_replies_to_the_first_write_say_nothing_about_the_second() {
    let mut script = Script::new(full(Protocol::Resp3));
    let sent = commands(&script.poll_write().unwrap());
    assert!(script.handle_reply(error("ERR")).is_ok());
    for _ in 1..sent.len() {
        assert!(script.handle_reply(Value::Nil).is_ok());
    }
    assert_eq!(commands(&script.poll_write().unwrap()).len(), 6);
}
