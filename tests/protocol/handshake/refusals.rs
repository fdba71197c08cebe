//! What ends an opening, and what is said about it.

use super::{Server, bare, commands, error, full, hello, modern, play, reply_and_pong, required};
use hitless::unstable::handshake::{Answer, Progress, Refusal, Script, Step};
use hitless::{Protocol, Value};

#[test]
fn errors_that_end_the_opening_say_what_they_mean() {
    let table: [(Protocol, usize, &str, Step, Refusal); 19] = [
        (
            Protocol::Resp3,
            0,
            "WRONGPASS invalid pair",
            Step::Hello,
            Refusal::Credentials,
        ),
        (
            Protocol::Resp3,
            0,
            "ERR invalid password",
            Step::Hello,
            Refusal::Credentials,
        ),
        (
            Protocol::Resp2,
            0,
            "DENIED protected mode",
            Step::Auth,
            Refusal::Other,
        ),
        (
            Protocol::Resp3,
            0,
            "LOADING Redis is loading",
            Step::Hello,
            Refusal::Loading,
        ),
        (
            Protocol::Resp3,
            0,
            "ERR max number of clients reached",
            Step::Hello,
            Refusal::TooManyClients,
        ),
        (
            Protocol::Resp3,
            0,
            "DENIED protected mode",
            Step::Hello,
            Refusal::Other,
        ),
        (
            Protocol::Resp3,
            0,
            "BUSY Redis is busy running a script",
            Step::Hello,
            Refusal::Other,
        ),
        (
            Protocol::Resp2,
            0,
            "WRONGPASS invalid pair",
            Step::Auth,
            Refusal::Credentials,
        ),
        (
            Protocol::Resp2,
            0,
            "ERR invalid password",
            Step::Auth,
            Refusal::Credentials,
        ),
        (
            Protocol::Resp2,
            0,
            "ERR Client sent AUTH, but no password is set",
            Step::Auth,
            Refusal::Credentials,
        ),
        (
            Protocol::Resp2,
            0,
            "ERR max number of clients reached",
            Step::Auth,
            Refusal::TooManyClients,
        ),
        (
            Protocol::Resp2,
            0,
            "LOADING Redis is loading",
            Step::Auth,
            Refusal::Loading,
        ),
        (
            Protocol::Resp3,
            1,
            "NOAUTH Authentication required.",
            Step::ClientName,
            Refusal::Credentials,
        ),
        (
            Protocol::Resp3,
            1,
            "LOADING Redis is loading",
            Step::ClientName,
            Refusal::Loading,
        ),
        (
            Protocol::Resp3,
            4,
            "ERR DB index is out of range",
            Step::Select,
            Refusal::Database,
        ),
        (
            Protocol::Resp3,
            4,
            "NOPERM no permissions",
            Step::Select,
            Refusal::Database,
        ),
        (
            Protocol::Resp3,
            4,
            "NOAUTH Authentication required.",
            Step::Select,
            Refusal::Credentials,
        ),
        (
            Protocol::Resp3,
            4,
            "LOADING Redis is loading",
            Step::Select,
            Refusal::Loading,
        ),
        (
            Protocol::Resp3,
            5,
            "NOAUTH Authentication required.",
            Step::Maintenance,
            Refusal::Credentials,
        ),
    ];
    for (protocol, place, line, step, kind) in table {
        let mut script = Script::new(full(protocol));
        let sent = commands(&script.poll_write().unwrap());
        for command in &sent[..place] {
            assert_eq!(
                script.handle_reply(modern(command)),
                Ok(Progress::MoreReplies)
            );
        }
        let refused = script.handle_reply(error(line)).unwrap_err();
        assert_eq!((refused.step, refused.kind), (step, kind), "{line}");
        let kept = refused.error.as_ref().unwrap();
        let code = line.split(' ').next().unwrap();
        assert_eq!(kept.code(), code);
        let of_server = matches!(kind, Refusal::Loading | Refusal::TooManyClients);
        let scrubbed = matches!(step, Step::Hello | Step::Auth) && !of_server;
        assert_eq!(kept.text().is_empty(), scrubbed, "{line}");
        assert!(refused.to_string().contains(code));
    }
}

#[test]
fn a_server_that_wants_a_password_is_told_from_one_that_answers_a_ping() {
    let (_, outcome) = play(bare(Protocol::Resp2), |_| {
        error("NOAUTH Authentication required.")
    });
    let refused = outcome.unwrap_err();
    assert_eq!(
        (refused.step, refused.kind),
        (Step::Ping, Refusal::Credentials)
    );
}

#[test]
fn a_login_or_database_that_is_not_confirmed_is_unexpected() {
    for (place, step) in [(0, Step::Auth), (4, Step::Select)] {
        let mut script = Script::new(full(Protocol::Resp2));
        assert!(script.poll_write().is_some());
        for _ in 0..place {
            assert_eq!(script.handle_reply(Value::Okay), Ok(Progress::MoreReplies));
        }
        let refused = script.handle_reply(Value::Nil).unwrap_err();
        assert_eq!((refused.step, refused.kind), (step, Refusal::Unexpected));
    }
}

#[test]
fn an_error_that_repeats_the_password_never_shows_it() {
    let echo: Server = |command| error(&format!("ERR bad arguments: {command}"));
    let unknown: Server = |command| error(&format!("ERR unknown command '{command}'"));
    let wrong: Server = |command| error(&format!("WRONGPASS {command}"));
    for server in [echo, unknown, wrong] {
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            for opening in [full(protocol), required(protocol)] {
                let (_, outcome) = play(opening, server);
                let text = format!("{outcome:?}");
                assert!(!text.contains("s3cr3t"), "{text}");
                let refused = outcome.unwrap_err();
                assert!(!refused.to_string().contains("s3cr3t"));
            }
        }
    }
}

#[test]
fn a_reply_that_nothing_asked_for_is_unexpected() {
    let mut script = Script::new(bare(Protocol::Resp3));
    assert_eq!(
        script.handle_reply(Value::Okay).unwrap_err().kind,
        Refusal::Unexpected
    );
    let mut script = Script::new(bare(Protocol::Resp3));
    assert!(script.poll_write().is_some());
    assert!(matches!(
        reply_and_pong(&mut script, hello(3)),
        Ok(Progress::Done(_))
    ));
    assert_eq!(
        script.handle_reply(Value::Okay).unwrap_err().kind,
        Refusal::Unexpected
    );
    assert_eq!(script.poll_write(), None);
}

#[test]
fn attributes_in_front_of_a_reply_change_nothing() {
    use hitless::{Attributed, Pairs};
    let attributed = |value| Value::Attributed(Attributed::new(Pairs::default(), value));
    let mut script = Script::new(full(Protocol::Resp3));
    for command in commands(&script.poll_write().unwrap()) {
        let progress = script.handle_reply(attributed(modern(&command))).unwrap();
        if let Progress::Done(greeting) = progress {
            assert_eq!(
                (greeting.client_id, greeting.maintenance),
                (Some(42), Answer::Granted)
            );
            return;
        }
    }
    panic!("not done");
}

#[test]
fn a_server_that_loads_its_data_answers_all_but_the_last_step_and_is_refused() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let (_, outcome) = play(full(protocol), |command| match command {
            "PING" => error("LOADING Redis is loading the dataset in memory"),
            c => modern(c),
        });
        let refused = outcome.unwrap_err();
        assert_eq!((refused.step, refused.kind), (Step::Ping, Refusal::Loading));
        assert!(
            refused.to_string().contains("loading the dataset"),
            "{refused}"
        );
    }
}

#[test]
fn a_state_that_passes_by_itself_ends_no_opening() {
    let servers: [Server; 3] = [
        |_| error("BUSY Redis is busy running a script"),
        |_| error("MASTERDOWN Link with MASTER is down"),
        |_| error("CLUSTERDOWN The cluster is down"),
    ];
    for server in servers {
        let mut script = Script::new(bare(Protocol::Resp3));
        assert!(script.poll_write().is_some());
        assert_eq!(script.handle_reply(hello(3)), Ok(Progress::MoreReplies));
        let progress = script.handle_reply(server("PING"));
        assert!(matches!(progress, Ok(Progress::Done(_))), "{progress:?}");
    }
}
