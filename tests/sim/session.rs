//! Protocol, users, transactions, blocking commands, pub/sub.

use crate::client::{Client, End, SOON, line, show};
use hitless::sim::{OptIn, Record, Sim};
use hitless::{Protocol, Value};
use std::time::Duration;

fn sim() -> Sim {
    Sim::builder()
        .record(Record::Commands(1000))
        .start()
        .unwrap()
}

#[test]
fn hello_changes_the_protocol_and_tells_what_a_server_tells() {
    let sim = sim();
    let mut client = Client::on(&sim, sim.node(0));
    assert!(matches!(client.call("HELLO"), Value::Array(_)));
    let Value::Map(pairs) = client.call("HELLO 3 SETNAME tester") else {
        panic!("HELLO 3 answers a map");
    };
    let text = format!("{pairs:?}");
    for word in [
        "server", "version", "proto", "id", "mode", "role", "modules",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert_eq!(show(&client.call("CLIENT GETNAME")), "tester");
    assert_eq!(show(&client.call("HGETALL nothing")), "{}");
    assert!(matches!(client.call("HELLO 2"), Value::Array(_)));
    assert_eq!(show(&client.call("HGETALL nothing")), "[]");
    assert_eq!(
        client.refusal("HELLO 4"),
        "NOPROTO unsupported protocol version"
    );
    let record = &sim.connections()[0];
    assert_eq!(
        (record.name.as_deref(), record.protocol),
        (Some("tester"), Protocol::Resp2)
    );
}

#[test]
fn a_password_is_needed_for_everything_but_the_login() {
    let sim = Sim::builder()
        .password("secret")
        .user("worker", "pw")
        .forbid("worker", &["flushall"])
        .start()
        .unwrap();
    let mut client = Client::on(&sim, sim.node(0));
    assert_eq!(client.refusal("GET k"), "NOAUTH Authentication required.");
    assert!(
        client
            .refusal("HELLO 3")
            .starts_with("NOAUTH HELLO must be called")
    );
    assert!(client.refusal("AUTH wrong").starts_with("WRONGPASS "));
    assert!(
        client
            .refusal("HELLO 3 AUTH default wrong")
            .starts_with("WRONGPASS ")
    );
    assert_eq!(client.call("AUTH secret"), Value::Okay);
    assert_eq!(show(&client.call("GET k")), "nil");
    assert!(matches!(
        client.call("HELLO 3 AUTH worker pw"),
        Value::Map(_)
    ));
    assert_eq!(
        client.refusal("FLUSHALL"),
        "NOPERM User worker has no permissions to run the 'flushall' command"
    );
}

#[test]
fn a_resp2_only_server_knows_no_hello_and_repeats_its_arguments() {
    let sim = Sim::builder().resp2_only().start().unwrap();
    let mut client = Client::on(&sim, sim.node(0));
    assert_eq!(
        client.refusal("HELLO 3 AUTH default pw"),
        "ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 'pw' "
    );
}

#[test]
fn each_way_to_refuse_the_opt_in_has_the_words_of_its_server() {
    let sim = sim();
    let node = sim.node(0);
    let mut client = Client::resp3(&sim, node);
    for (opt_in, expected) in [
        (
            OptIn::UnknownToRedis7,
            "-ERR unknown subcommand 'Maint_Notifications'. Try CLIENT HELP.",
        ),
        (
            OptIn::UnknownToRedis6,
            "-ERR Unknown subcommand or wrong number of arguments for 'Maint_Notifications'. Try \
             CLIENT HELP.",
        ),
        (
            OptIn::Disabled,
            "-ERR maintenance notifications are disabled on this server",
        ),
        (OptIn::Nil, "nil"),
        (OptIn::Accepted, "+OK"),
    ] {
        sim.set_opt_in(node, opt_in);
        let reply = client.call("CLIENT Maint_Notifications ON");
        assert_eq!(show(&reply), expected, "{opt_in:?}");
    }
    sim.set_opt_in(node, OptIn::Forbidden);
    assert!(
        client
            .refusal("CLIENT MAINT_NOTIFICATIONS ON")
            .starts_with("NOPERM ")
    );
}

#[test]
fn a_transaction_runs_whole_or_not_at_all() {
    let sim = sim();
    let mut one = Client::on(&sim, sim.node(0));
    let mut two = Client::on(&sim, sim.node(1));
    assert_eq!(one.call("WATCH k"), Value::Okay);
    assert_eq!(one.call("MULTI"), Value::Okay);
    assert_eq!(show(&one.call("INCR k")), "+QUEUED");
    assert_eq!(show(&one.call("LPUSH k x")), "+QUEUED");
    assert_eq!(show(&two.call("GET k")), "nil");
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    assert_eq!(show(&one.call("EXEC")), format!("[:1 {wrong}]"));

    one.call("WATCH k");
    one.call("MULTI");
    one.call("SET k mine");
    assert_eq!(two.call("SET k theirs"), Value::Okay);
    assert_eq!(one.call("EXEC"), Value::Nil);
    assert_eq!(show(&one.call("GET k")), "theirs");

    one.call("MULTI");
    assert!(one.refusal("SET k").starts_with("ERR wrong number"));
    one.call("SET k mine");
    assert!(one.refusal("EXEC").starts_with("EXECABORT "));
    assert!(one.refusal("EXEC").starts_with("ERR EXEC without MULTI"));
}

#[test]
fn an_expired_watched_key_aborts_the_transaction() {
    let sim = sim();
    let mut client = Client::on(&sim, sim.node(0));
    let mut millis = 30;
    loop {
        client.call(&format!("SET k v PX {millis}"));
        client.call("WATCH k");
        // It was there when it was watched: on a busy machine it may have gone before.
        if show(&client.call("PTTL k")) != ":-2" {
            break;
        }
        client.call("UNWATCH");
        millis *= 2;
    }
    client.call("MULTI");
    client.call("PING");
    // Waits on the event itself: the key is gone for another connection.
    let mut other = Client::on(&sim, sim.node(1));
    while show(&other.call("PTTL k")) != ":-2" {}
    assert_eq!(client.call("EXEC"), Value::Nil);
}

#[test]
fn blocked_commands_are_served_in_order_by_whoever_pushes() {
    let sim = sim();
    let mut first = Client::on(&sim, sim.node(0));
    let mut second = Client::on(&sim, sim.node(1));
    let mut pusher = Client::on(&sim, sim.node(0));
    first.send("BLPOP a b 0");
    assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
    second.send("BLMOVE b c RIGHT LEFT 0");
    assert!(sim.wait_until(SOON, |now| now.blocked() == 2));
    assert_eq!(show(&pusher.call("RPUSH b 1 2 3")), ":3");
    assert_eq!(show(&first.reply()), "[b 1]");
    assert_eq!(show(&second.reply()), "3");
    assert_eq!(show(&pusher.call("LRANGE b 0 -1")), "[2]");
    assert_eq!(show(&pusher.call("LRANGE c 0 -1")), "[3]");
}

#[test]
fn a_blocked_command_ends_by_its_timeout_by_unblock_and_by_closing() {
    let sim = sim();
    let node = sim.node(0);
    let mut client = Client::on(&sim, node);
    let mut other = Client::on(&sim, node);
    assert_eq!(client.call("BLPOP q 0.02"), Value::Nil);

    let Value::Int(id) = client.call("CLIENT ID") else {
        panic!("CLIENT ID answers a number");
    };
    client.send("BLPOP q 0");
    assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
    assert_eq!(
        show(&other.call(&format!("CLIENT UNBLOCK {id} TIMEOUT"))),
        ":1"
    );
    assert_eq!(client.reply(), Value::Nil);
    client.send("BLPOP q 0");
    assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
    assert_eq!(
        show(&other.call(&format!("CLIENT UNBLOCK {id} ERROR"))),
        ":1"
    );
    assert_eq!(
        show(&client.reply()),
        "-UNBLOCKED client unblocked via CLIENT UNBLOCK"
    );
    assert_eq!(show(&other.call(&format!("CLIENT UNBLOCK {id}"))), ":0");

    client.send("BLPOP q 0");
    assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
    drop(client);
    assert!(sim.wait_until(SOON, |now| now.open() == 1));
    // Nobody waits any more, so nothing is lost.
    assert_eq!(show(&other.call("RPUSH q x")), ":1");
    assert_eq!(show(&other.call("LPOP q")), "x");
}

#[test]
fn commands_behind_a_blocked_one_wait_for_it() {
    let sim = sim();
    let mut client = Client::on(&sim, sim.node(0));
    let mut other = Client::on(&sim, sim.node(0));
    client.send("BLPOP q 0");
    client.send("SET after 1");
    assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
    assert_eq!(show(&other.call("EXISTS after")), ":0");
    other.call("RPUSH q x");
    assert_eq!(show(&client.reply()), "[q x]");
    assert_eq!(client.reply(), Value::Okay);
}

#[test]
fn a_blocking_command_in_a_transaction_does_not_block() {
    let sim = sim();
    let mut client = Client::on(&sim, sim.node(0));
    client.call("MULTI");
    client.call("BLPOP q 0");
    assert_eq!(show(&client.call("EXEC")), "[nil]");
}

#[test]
fn messages_reach_subscribers_on_every_node() {
    let sim = sim();
    let mut subscriber = Client::resp3(&sim, sim.node(1));
    let mut publisher = Client::on(&sim, sim.node(0));
    subscriber.send("SUBSCRIBE news other");
    assert_eq!(line(&subscriber.push()), "subscribe news :1");
    assert_eq!(line(&subscriber.push()), "subscribe other :2");
    subscriber.send("PSUBSCRIBE n*");
    assert_eq!(line(&subscriber.push()), "psubscribe n* :3");
    assert_eq!(show(&publisher.call("PUBLISH news hi")), ":2");
    assert_eq!(line(&subscriber.push()), "message news hi");
    assert_eq!(line(&subscriber.push()), "pmessage n* news hi");
    // RESP3 subscribers may still run commands.
    assert_eq!(show(&subscriber.call("GET k")), "nil");
    subscriber.send("UNSUBSCRIBE");
    assert_eq!(line(&subscriber.push()), "unsubscribe news :2");
    assert_eq!(line(&subscriber.push()), "unsubscribe other :1");
    subscriber.send("PUNSUBSCRIBE n*");
    assert_eq!(line(&subscriber.push()), "punsubscribe n* :0");
    assert_eq!(show(&publisher.call("PUBLISH news hi")), ":0");
}

#[test]
fn a_resp2_subscriber_may_run_only_what_a_server_allows() {
    let sim = sim();
    let mut client = Client::on(&sim, sim.node(0));
    assert_eq!(show(&client.call("SUBSCRIBE news")), "[subscribe news :1]");
    assert!(
        client
            .refusal("GET k")
            .starts_with("ERR Can't execute 'get'")
    );
    assert_eq!(show(&client.call("PING")), "[pong ]");
    assert_eq!(show(&client.call("UNSUBSCRIBE")), "[unsubscribe news :0]");
    assert_eq!(show(&client.call("GET k")), "nil");
}

#[test]
fn databases_are_apart_and_reset_returns_to_the_first() {
    let sim = sim();
    let mut client = Client::on(&sim, sim.node(0));
    client.call("SET k zero");
    assert_eq!(client.call("SELECT 9"), Value::Okay);
    assert_eq!(show(&client.call("GET k")), "nil");
    assert_eq!(client.refusal("SELECT 16"), "ERR DB index is out of range");
    assert_eq!(show(&client.call("RESET")), "+RESET");
    assert_eq!(show(&client.call("GET k")), "zero");
}

#[test]
fn quit_is_answered_and_closes() {
    let sim = sim();
    let mut client = Client::on(&sim, sim.node(0));
    assert_eq!(client.call("QUIT"), Value::Okay);
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn client_kill_closes_the_connection_it_names() {
    let sim = sim();
    let mut victim = Client::on(&sim, sim.node(0));
    let mut other = Client::on(&sim, sim.node(0));
    let Value::Int(id) = victim.call("CLIENT ID") else {
        panic!("CLIENT ID answers a number");
    };
    assert_eq!(show(&other.call(&format!("CLIENT KILL ID {id}"))), ":1");
    assert_eq!(victim.end(), End::Closed);
}

#[test]
fn executions_are_counted_by_command_and_argument() {
    let sim = sim();
    let mut client = Client::on(&sim, sim.node(0));
    client.call("INCR request:7");
    client.call("INCR request:7");
    client.call("MULTI");
    client.call("INCR request:8");
    client.call("EXEC");
    assert_eq!(sim.executions("incr", "request:7"), 2);
    assert_eq!(sim.executions("incr", "request:8"), 1);
    assert_eq!(sim.connections()[0].count("incr"), 3);
}

#[test]
fn what_is_no_command_is_answered_with_a_protocol_error_and_closed() {
    let sim = sim();
    let mut client = Client::on(&sim, sim.node(0));
    client.stream.write_all(b"*1\r\n:5\r\n").unwrap();
    assert!(show(&client.reply()).starts_with("-ERR Protocol error"));
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn replies_of_any_size_arrive_whole() {
    let sim = sim();
    let mut client = Client::on(&sim, sim.node(0));
    let value = vec![b'x'; 3 << 20];
    client.send_args(&[b"SET", b"big", &value]);
    assert_eq!(client.reply(), Value::Okay);
    client.send("GET big");
    assert_eq!(
        client.try_reply(Duration::from_secs(30)).unwrap(),
        Value::Bulk(value)
    );
}

#[test]
fn no_command_with_odd_arguments_ends_the_connection() {
    let sim = sim();
    let mut client = Client::resp3(&sim, sim.node(0));
    let Value::Array(commands) = client.call("COMMAND") else {
        panic!("COMMAND answers a list");
    };
    let names: Vec<Vec<u8>> = commands
        .iter()
        .map(|entry| match entry {
            Value::Array(fields) => fields[0].as_bytes().unwrap().to_vec(),
            other => panic!("{other:?}"),
        })
        .filter(|name| !matches!(name.as_slice(), b"multi" | b"quit"))
        .collect();
    assert!(names.len() > 80);
    // None of these is a time for which a command could block.
    let words: [&[u8]; 24] = [
        b"",
        b"x",
        b"-1",
        b"99999999999999999999",
        b"-9223372036854775808",
        b"nan",
        b"1e400",
        b"\r\n",
        b"*",
        b"[",
        b"\xff\0",
        b"(",
        b"limit",
        b"withscores",
        b"left",
        b"kill",
        b"unblock",
        b"setinfo",
        b"maint_notifications",
        b"on",
        b"nx",
        b"incr",
        b"match",
        b"id",
    ];
    let mut dice = fastrand::Rng::with_seed(3);
    for round in 0..20_000 {
        let name = &names[dice.usize(0..names.len())];
        let mut args: Vec<&[u8]> = vec![name];
        args.extend((0..dice.usize(0..7)).map(|_| words[dice.usize(0..words.len())]));
        client.send_args(&args);
        let marker = format!("marker:{round}");
        client.send(&format!("ECHO {marker}"));
        loop {
            let reply = client
                .try_reply(SOON)
                .unwrap_or_else(|end| panic!("{end:?} after {args:?}"));
            if show(&reply) == marker {
                break;
            }
        }
        if name == b"reset" {
            client.call("HELLO 3");
        }
    }
}
