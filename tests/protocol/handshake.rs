//! The opening of a connection, against servers of every kind.

mod fallback;
mod refusals;

use crate::support::{array, bulk, frames, pairs, reply_of, simple};
use hitless::unstable::Frame;
use hitless::unstable::handshake::{
    Answer, Ask, Handshake, MovingEndpointType, Progress, Refusal, Refused, Script, ServerHello,
    Step,
};
use hitless::{Protocol, ServerError, Value};

fn bare(protocol: Protocol) -> Handshake {
    Handshake {
        protocol,
        resp2_will_do: true,
        username: None,
        password: None,
        client_name: None,
        library: None,
        database: 0,
        maintenance: None,
    }
}

fn full(protocol: Protocol) -> Handshake {
    Handshake {
        protocol,
        resp2_will_do: true,
        username: Some("alice".to_owned()),
        password: Some("s3cr3t".into()),
        client_name: Some("worker-1".to_owned()),
        library: Some(("hitless".to_owned(), "0.1.0".to_owned())),
        database: 7,
        maintenance: Some(Ask {
            required: false,
            endpoint_type: Some(MovingEndpointType::InternalIp),
        }),
    }
}

fn required(protocol: Protocol) -> Handshake {
    Handshake {
        maintenance: Some(Ask {
            required: true,
            endpoint_type: None,
        }),
        ..full(protocol)
    }
}

/// The commands of one write, each as its words.
fn commands(bytes: &[u8]) -> Vec<String> {
    let words = |frame: Frame| match frame {
        Frame::Reply(Value::Array(words)) => {
            let words: Vec<_> = words.iter().map(|word| word.as_str().unwrap()).collect();
            words.join(" ")
        }
        other => panic!("no command: {other:?}"),
    };
    frames(bytes).into_iter().map(words).collect()
}

fn error(line: &str) -> Value {
    Value::Error(ServerError::parse(line.as_bytes()))
}

fn hello(protocol: i64) -> Value {
    Value::Map(pairs([
        (bulk("server"), bulk("redis")),
        (bulk("version"), bulk("7.4.0")),
        (bulk("proto"), Value::Int(protocol)),
        (bulk("id"), Value::Int(42)),
        (bulk("mode"), bulk("standalone")),
        (bulk("role"), bulk("master")),
        (bulk("modules"), array([])),
    ]))
}

/// What a server says to a command.
type Server = fn(&str) -> Value;

/// Redis 8 with maintenance notifications.
fn modern(command: &str) -> Value {
    match command {
        c if c.starts_with("HELLO 3") => hello(3),
        "PING" => simple("PONG"),
        _ => Value::Okay,
    }
}

/// Redis 7.0: no `SETINFO`, no maintenance notifications.
fn redis_7_0(command: &str) -> Value {
    if command.starts_with("CLIENT SETINFO") {
        return error("ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.");
    }
    if command.starts_with("CLIENT MAINT") {
        return error("ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.");
    }
    modern(command)
}

/// Redis 5: RESP2 only, and it repeats the arguments of what it does not know.
fn redis_5(command: &str) -> Value {
    if let Some(arguments) = command.strip_prefix("HELLO ") {
        let quoted: Vec<_> = arguments.split(' ').map(|a| format!("`{a}`")).collect();
        let quoted = quoted.join(", ");
        return error(&format!(
            "ERR unknown command `HELLO`, with args beginning with: {quoted}"
        ));
    }
    if command.starts_with("CLIENT SETINFO") || command.starts_with("CLIENT MAINT") {
        return error("ERR Unknown subcommand or wrong number of arguments for 'SETINFO'");
    }
    modern(command)
}

/// Plays an opening to its end: every write with its commands, and the outcome.
fn play(opening: Handshake, server: Server) -> (Vec<Vec<String>>, Result<ServerHello, Refused>) {
    let mut script = Script::new(opening);
    let mut writes = Vec::new();
    while let Some(bytes) = script.poll_write() {
        assert_eq!(script.poll_write(), None, "one write at a time");
        let commands = commands(&bytes);
        writes.push(commands.clone());
        for (place, command) in commands.iter().enumerate() {
            let last = place + 1 == commands.len();
            match script.handle_reply(server(command)) {
                Ok(Progress::Done(greeting)) => {
                    assert!(last, "done with the last reply only");
                    assert_eq!(script.poll_write(), None);
                    return (writes, Ok(greeting));
                }
                Ok(Progress::MoreReplies) => assert!(!last, "no more replies will come"),
                Ok(Progress::MoreToWrite) => assert!(last),
                Err(refused) => return (writes, Err(refused)),
            }
        }
    }
    panic!("neither done nor refused");
}

/// Hands over a reply and then the one to the `PING` that ends every write.
fn reply_and_pong(script: &mut Script, reply: Value) -> Result<Progress, Refused> {
    match script.handle_reply(reply)? {
        Progress::MoreReplies => script.handle_reply(simple("PONG")),
        progress => Ok(progress),
    }
}

const FULL: [&str; 7] = [
    "HELLO 3 AUTH alice s3cr3t",
    "CLIENT SETNAME worker-1",
    "CLIENT SETINFO LIB-NAME hitless",
    "CLIENT SETINFO LIB-VER 0.1.0",
    "SELECT 7",
    "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-ip",
    "PING",
];

#[test]
fn everything_goes_out_in_one_write_in_a_fixed_order() {
    let (writes, outcome) = play(full(Protocol::Resp3), modern);
    assert_eq!(writes, [FULL]);
    let greeting = ServerHello {
        protocol: Protocol::Resp3,
        client_id: Some(42),
        server: Some("redis".to_owned()),
        version: Some("7.4.0".to_owned()),
        role: Some("master".to_owned()),
        mode: Some("standalone".to_owned()),
        maintenance: Answer::Granted,
        tolerated: Vec::new(),
    };
    assert_eq!(outcome, Ok(greeting));
}

#[test]
fn nothing_is_sent_that_was_not_asked_for() {
    let (writes, outcome) = play(bare(Protocol::Resp3), modern);
    assert_eq!(writes, [["HELLO 3", "PING"]]);
    assert_eq!(outcome.unwrap().maintenance, Answer::NotAsked);
}

#[test]
fn a_resp2_connection_without_anything_to_say_pings() {
    let (writes, outcome) = play(bare(Protocol::Resp2), modern);
    assert_eq!(writes, [["PING"]]);
    let greeting = outcome.unwrap();
    assert_eq!(greeting.protocol, Protocol::Resp2);
    assert_eq!((greeting.client_id, greeting.server), (None, None));
}

#[test]
fn a_resp2_connection_sends_neither_hello_nor_the_maintenance_command() {
    let (writes, outcome) = play(full(Protocol::Resp2), modern);
    let expected = [
        "AUTH alice s3cr3t",
        "CLIENT SETNAME worker-1",
        "CLIENT SETINFO LIB-NAME hitless",
        "CLIENT SETINFO LIB-VER 0.1.0",
        "SELECT 7",
        "PING",
    ];
    assert_eq!(writes, [expected]);
    assert_eq!(outcome.unwrap().maintenance, Answer::NotPossible);
}

#[test]
fn a_password_without_a_user_is_that_of_the_default_user() {
    let opening = |protocol| Handshake {
        password: Some("pw".into()),
        ..bare(protocol)
    };
    assert_eq!(
        play(opening(Protocol::Resp3), modern).0,
        [["HELLO 3 AUTH default pw", "PING"]]
    );
    assert_eq!(
        play(opening(Protocol::Resp2), modern).0,
        [["AUTH pw", "PING"]]
    );
}

#[test]
fn a_user_without_a_password_never_goes_on_as_another_user() {
    let opening = |protocol| Handshake {
        username: Some("alice".to_owned()),
        ..bare(protocol)
    };
    assert_eq!(
        play(opening(Protocol::Resp3), modern).0,
        [["HELLO 3 AUTH alice ", "PING"]]
    );
    assert_eq!(
        play(opening(Protocol::Resp2), modern).0,
        [["AUTH alice ", "PING"]]
    );
}

#[test]
fn a_password_of_any_bytes_is_one_argument() {
    let hostile = b"a b\r\n*1\r\n$8\r\nFLUSHALL\r\n\0\xff".to_vec();
    let opening = Handshake {
        password: Some(hostile.clone().into()),
        client_name: Some("x\r\nFLUSHALL\r\n".to_owned()),
        ..bare(Protocol::Resp3)
    };
    let bytes = Script::new(opening).poll_write().unwrap();
    let words = |words: &[&[u8]]| {
        let words: Vec<_> = words.iter().map(Value::bulk).collect();
        Frame::Reply(Value::array(words))
    };
    let hello = words(&[b"HELLO", b"3", b"AUTH", b"default", &hostile]);
    let name = words(&[b"CLIENT", b"SETNAME", b"x\r\nFLUSHALL\r\n"]);
    assert_eq!(frames(&bytes), [hello, name, words(&[b"PING"])]);
}

#[test]
fn every_type_of_endpoint_has_its_word_and_none_is_asked_for_bare() {
    for (endpoint_type, words) in [
        (None, "CLIENT MAINT_NOTIFICATIONS ON"),
        (Some(MovingEndpointType::ExternalFqdn), "external-fqdn"),
        (Some(MovingEndpointType::ExternalIp), "external-ip"),
        (Some(MovingEndpointType::InternalFqdn), "internal-fqdn"),
        (Some(MovingEndpointType::InternalIp), "internal-ip"),
        (
            Some(MovingEndpointType::None),
            "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type none",
        ),
    ] {
        let maintenance = Some(Ask {
            required: false,
            endpoint_type,
        });
        let (writes, outcome) = play(
            Handshake {
                maintenance,
                ..bare(Protocol::Resp3)
            },
            modern,
        );
        assert!(writes[0][1].ends_with(words), "{writes:?}");
        assert_eq!(outcome.unwrap().maintenance, Answer::Granted);
    }
}

#[test]
fn refusals_of_what_is_optional_are_noted_and_tolerated() {
    let (writes, outcome) = play(full(Protocol::Resp3), redis_7_0);
    assert_eq!(writes, [FULL]);
    let greeting = outcome.unwrap();
    assert_eq!(greeting.protocol, Protocol::Resp3);
    let steps: Vec<_> = greeting.tolerated.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [Step::LibraryName, Step::LibraryVersion]);
    let Answer::Refused(error) = greeting.maintenance else {
        panic!("{:?}", greeting.maintenance);
    };
    assert_eq!(error.code(), "ERR");
    assert!(error.text().starts_with("unknown subcommand"));
}

#[test]
fn a_refused_name_or_missing_permission_for_what_is_optional_is_tolerated() {
    let (_, outcome) = play(full(Protocol::Resp3), |command| match command {
        c if c.starts_with("CLIENT") => error("NOPERM this user has no permissions"),
        c => modern(c),
    });
    let greeting = outcome.unwrap();
    assert_eq!(greeting.tolerated.len(), 3);
    assert!(matches!(greeting.maintenance, Answer::Refused(error) if error.code() == "NOPERM"));
}

#[test]
fn every_refusal_of_maintenance_ever_seen_is_a_refusal() {
    for server in [
        (|_| error("ERR unknown subcommand 'maint_notifications'. Try CLIENT HELP.")) as Server,
        |_| error("ERR maintenance notifications are disabled on this server"),
        |_| error("ERR Unknown subcommand or wrong number of arguments for 'MAINT_NOTIFICATIONS'"),
        |_| error("NOPERM this user has no permissions to run the 'client' command"),
        |_| error("WHATEVER"),
        |_| Value::Nil,
        |_| Value::Int(1),
        |_| array([]),
        |_| simple("QUEUED"),
    ] {
        let maintenance = |required| Handshake {
            maintenance: Some(Ask {
                required,
                endpoint_type: None,
            }),
            ..bare(Protocol::Resp3)
        };
        let mut script = Script::new(maintenance(false));
        assert!(script.poll_write().is_some());
        assert_eq!(script.handle_reply(hello(3)), Ok(Progress::MoreReplies));
        let Ok(Progress::Done(greeting)) = reply_and_pong(&mut script, server("")) else {
            panic!("the connection is as good as any");
        };
        assert!(matches!(greeting.maintenance, Answer::Refused(_)));

        let mut script = Script::new(maintenance(true));
        assert!(script.poll_write().is_some());
        assert_eq!(script.handle_reply(hello(3)), Ok(Progress::MoreReplies));
        let refused = reply_and_pong(&mut script, server("")).unwrap_err();
        assert_eq!(
            (refused.step, refused.kind),
            (Step::Maintenance, Refusal::Maintenance)
        );
    }
}

#[test]
fn maintenance_is_granted_however_ok_is_spelt() {
    for answer in [Value::Okay, bulk("OK"), simple("OK")] {
        let opening = Handshake {
            maintenance: Some(Ask {
                required: true,
                endpoint_type: None,
            }),
            ..bare(Protocol::Resp3)
        };
        let mut script = Script::new(opening);
        assert!(script.poll_write().is_some());
        assert_eq!(script.handle_reply(hello(3)), Ok(Progress::MoreReplies));
        let done = reply_and_pong(&mut script, answer);
        assert!(matches!(done, Ok(Progress::Done(g)) if g.maintenance == Answer::Granted));
    }
}

#[test]
fn a_server_without_hello_is_asked_again_in_resp2() {
    let (writes, outcome) = play(full(Protocol::Resp3), redis_5);
    assert_eq!(writes.len(), 2);
    assert_eq!(writes[0], FULL);
    let again = [
        "AUTH alice s3cr3t",
        "CLIENT SETNAME worker-1",
        "CLIENT SETINFO LIB-NAME hitless",
        "CLIENT SETINFO LIB-VER 0.1.0",
        "SELECT 7",
        "PING",
    ];
    assert_eq!(writes[1], again, "and never for maintenance notifications");
    let greeting = outcome.unwrap();
    assert_eq!(greeting.protocol, Protocol::Resp2);
    assert_eq!(greeting.maintenance, Answer::NotPossible);
    assert_eq!(
        greeting.tolerated.len(),
        2,
        "those of the second write only"
    );
}

#[test]
fn a_server_without_hello_and_nothing_to_say_is_pinged() {
    let (writes, outcome) = play(bare(Protocol::Resp3), redis_5);
    assert_eq!(writes, [vec!["HELLO 3", "PING"], vec!["PING"]]);
    assert_eq!(outcome.unwrap().protocol, Protocol::Resp2);
}

#[test]
fn every_way_to_refuse_hello_leads_to_resp2() {
    let servers: [Server; 5] = [
        |_| error("NOPROTO unsupported protocol version"),
        |_| error("NOPROTO sorry, this protocol version is not supported"),
        |_| error("ERR unknown command 'HELLO', with args beginning with: '3' "),
        |_| error("ERR wrong number of arguments for 'hello' command"),
        |_| error("ERR HELLO is not supported by this proxy"),
    ];
    for server in servers {
        let mut script = Script::new(bare(Protocol::Resp3));
        assert!(script.poll_write().is_some());
        let progress = reply_and_pong(&mut script, server(""));
        assert_eq!(progress, Ok(Progress::MoreToWrite));
        assert_eq!(commands(&script.poll_write().unwrap()), ["PING"]);
        let done = script.handle_reply(simple("PONG"));
        assert!(matches!(done, Ok(Progress::Done(g)) if g.protocol == Protocol::Resp2));
    }
}

#[test]
fn replies_behind_a_refused_hello_are_consumed_whatever_they_are() {
    let mut script = Script::new(full(Protocol::Resp3));
    assert!(script.poll_write().is_some());
    for reply in [
        error("NOPROTO"),
        error("NOAUTH Authentication required."),
        error("WRONGPASS x"),
        Value::Nil,
        error("LOADING"),
    ] {
        assert_eq!(script.poll_write(), None);
        assert_eq!(script.handle_reply(reply), Ok(Progress::MoreReplies));
    }
    let progress = reply_and_pong(&mut script, Value::Okay);
    assert_eq!(progress, Ok(Progress::MoreToWrite));
    assert_eq!(commands(&script.poll_write().unwrap()).len(), 6);
}

#[test]
fn required_notifications_fail_at_once_where_the_server_has_no_hello() {
    let (writes, outcome) = play(required(Protocol::Resp3), redis_5);
    assert_eq!(writes.len(), 1);
    let refused = outcome.unwrap_err();
    assert_eq!(
        (refused.step, refused.kind),
        (Step::Maintenance, Refusal::Maintenance)
    );
    assert!(refused.to_string().contains("required"));
    assert!(!format!("{refused} {refused:?}").contains("s3cr3t"));
}

#[test]
fn required_notifications_fail_on_resp2() {
    let (_, outcome) = play(required(Protocol::Resp2), modern);
    assert_eq!(outcome.unwrap_err().kind, Refusal::Maintenance);
}

#[test]
fn required_notifications_that_are_granted_are_a_success() {
    let (_, outcome) = play(required(Protocol::Resp3), modern);
    assert_eq!(outcome.unwrap().maintenance, Answer::Granted);
}

#[test]
fn a_server_that_stays_with_resp2_is_taken_at_its_word() {
    let server: Server = |command| match command {
        c if c.starts_with("HELLO") => hello(2),
        c => modern(c),
    };
    let (writes, outcome) = play(full(Protocol::Resp3), server);
    assert_eq!(writes.len(), 1);
    let greeting = outcome.unwrap();
    assert_eq!(greeting.protocol, Protocol::Resp2);
    assert_eq!(
        greeting.maintenance,
        Answer::NotPossible,
        "though it said OK"
    );
    assert_eq!(greeting.client_id, Some(42));
    let (_, outcome) = play(required(Protocol::Resp3), server);
    assert_eq!(outcome.unwrap_err().kind, Refusal::Maintenance);
}

#[test]
fn a_greeting_may_be_an_array_and_may_lack_everything() {
    let greet = |reply| {
        let mut script = Script::new(bare(Protocol::Resp3));
        assert!(script.poll_write().is_some());
        match reply_and_pong(&mut script, reply) {
            Ok(Progress::Done(greeting)) => greeting,
            other => panic!("{other:?}"),
        }
    };
    let flat = hello(3).into_pairs().unwrap().into_flat();
    let greeting = greet(Value::Array(flat));
    assert_eq!(
        (greeting.protocol, greeting.client_id),
        (Protocol::Resp3, Some(42))
    );
    let greeting = greet(Value::Map(pairs([])));
    assert_eq!((greeting.protocol, greeting.role), (Protocol::Resp3, None));
    let greeting = greet(array([]));
    assert_eq!(greeting.protocol, Protocol::Resp2);
    let odd = Value::Map(pairs([
        (simple("proto"), bulk("3")),
        (simple("id"), bulk("9")),
        (simple("server"), Value::Nil),
        (Value::Nil, Value::Nil),
        (array([]), Value::Nil),
        (simple("version"), bulk([b'7', 0xff])),
        (simple("role"), Value::Int(1)),
    ]));
    let greeting = greet(odd);
    assert_eq!(
        (greeting.protocol, greeting.client_id),
        (Protocol::Resp3, Some(9))
    );
    assert_eq!(greeting.version.as_deref(), Some("7\u{fffd}"));
    assert_eq!((greeting.server, greeting.role), (None, None));
}

#[test]
fn the_greeting_of_a_real_server_is_read() {
    let stream = include_bytes!("../corpus/ok-real-hello3.resp");
    let mut script = Script::new(bare(Protocol::Resp3));
    assert!(script.poll_write().is_some());
    let Ok(Progress::Done(greeting)) = reply_and_pong(&mut script, reply_of(stream)) else {
        panic!("not done");
    };
    assert_eq!(greeting.version.as_deref(), Some("7.0.15"));
    assert_eq!(greeting.role.as_deref(), Some("master"));
    assert!(greeting.client_id.is_some());
}

#[test]
fn a_greeting_of_another_shape_is_unexpected() {
    for reply in [
        Value::Okay,
        Value::Nil,
        Value::Int(3),
        bulk("redis"),
        array([Value::Nil]),
    ] {
        let mut script = Script::new(bare(Protocol::Resp3));
        assert!(script.poll_write().is_some());
        let refused = script.handle_reply(reply).unwrap_err();
        let unexpected = Refused {
            step: Step::Hello,
            kind: Refusal::Unexpected,
            error: None,
        };
        assert_eq!(refused, unexpected);
        assert_eq!(refused.to_string(), "HELLO failed: unexpected reply");
    }
}
