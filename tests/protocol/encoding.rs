//! What goes on the wire.

use crate::support::{array, bulk, decode_every_way, pairs, push, push_of, reply_of, set, simple};
use hitless::unstable::{Frame, encode};
use hitless::{Attributed, Limits, Protocol, Value};

fn encoded(value: &Value, protocol: Protocol) -> String {
    let mut out = Vec::new();
    encode::value(&mut out, value, protocol);
    String::from_utf8(out).unwrap()
}

fn resp2(value: &Value) -> String {
    encoded(value, Protocol::Resp2)
}

fn resp3(value: &Value) -> String {
    encoded(value, Protocol::Resp3)
}

#[test]
fn a_command_is_an_array_of_bulk_strings() {
    let mut out = b"before".to_vec();
    encode::command(&mut out, &[b"SET", b"key", b""]);
    assert_eq!(out, b"before*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n");
}

#[test]
fn header_and_arguments_make_a_command() {
    let mut whole = Vec::new();
    encode::command(&mut whole, &[b"GET", b"k"]);
    let mut parts = Vec::new();
    encode::command_header(&mut parts, 2);
    encode::argument(&mut parts, b"GET");
    encode::argument(&mut parts, b"k");
    assert_eq!(parts, whole);
}

#[test]
fn arguments_that_look_like_frames_stay_one_command() {
    let hostile: [&[u8]; 5] = [
        b"\r\n*1\r\n$8\r\nFLUSHALL\r\n",
        b"\r\n",
        b"\0",
        b"$-1\r\n",
        b"GET k\r\nFLUSHALL\r\n",
    ];
    for argument in hostile {
        let mut out = Vec::new();
        encode::command(&mut out, &[b"SET", argument, argument]);
        let outcome = decode_every_way(Limits::default(), &out);
        let command = array([bulk("SET"), bulk(argument), bulk(argument)]);
        assert_eq!(outcome.frames, [Frame::Reply(command)]);
    }
}

#[test]
fn every_length_is_written_in_full() {
    for len in (0..=1_001).chain([9_999, 10_000, 99_999, 100_000]) {
        let bytes = vec![b'x'; len];
        let mut out = Vec::new();
        encode::argument(&mut out, &bytes);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(out, format!("${len}\r\n{text}\r\n").into_bytes());
        out.clear();
        encode::command_header(&mut out, len);
        assert_eq!(out, format!("*{len}\r\n").into_bytes());
    }
}

#[test]
fn a_long_argument_has_its_exact_length() {
    let long = vec![b'x'; 1_234_567];
    let mut out = Vec::new();
    encode::argument(&mut out, &long);
    assert!(out.starts_with(b"$1234567\r\nxxx"));
    assert_eq!(reply_of(&out), Value::Bulk(long));
}

#[test]
fn resp3_has_a_form_for_every_value() {
    let attributes = pairs([(simple("a"), Value::Int(1))]);
    for (value, wire) in [
        (Value::Okay, "+OK\r\n"),
        (simple("PONG"), "+PONG\r\n"),
        (Value::error("ERR", "no"), "-ERR no\r\n"),
        (Value::error("EXECABORT", ""), "-EXECABORT\r\n"),
        (Value::error("ERR", "a\r\nb"), "!8\r\nERR a\r\nb\r\n"),
        (Value::Int(i64::MIN), ":-9223372036854775808\r\n"),
        (bulk(""), "$0\r\n\r\n"),
        (bulk("a\r\nb"), "$4\r\na\r\nb\r\n"),
        (Value::Nil, "_\r\n"),
        (Value::Bool(true), "#t\r\n"),
        (Value::Bool(false), "#f\r\n"),
        (Value::Double(1.0), ",1\r\n"),
        (Value::Double(0.1), ",0.1\r\n"),
        (Value::Double(-0.0), ",-0\r\n"),
        (Value::Double(1e300), ",1e300\r\n"),
        (Value::Double(f64::INFINITY), ",inf\r\n"),
        (Value::Double(f64::NEG_INFINITY), ",-inf\r\n"),
        (Value::Double(f64::NAN), ",nan\r\n"),
        (Value::Double(-f64::NAN), ",nan\r\n"),
        (Value::BigNumber(b"-123".to_vec()), "(-123\r\n"),
        (
            Value::Verbatim {
                format: *b"txt",
                text: b"hi".to_vec(),
            },
            "=6\r\ntxt:hi\r\n",
        ),
        (array([Value::Int(1), array([])]), "*2\r\n:1\r\n*0\r\n"),
        (set([Value::Nil]), "~1\r\n_\r\n"),
        (
            Value::Map(pairs([(simple("k"), Value::Nil)])),
            "%1\r\n+k\r\n_\r\n",
        ),
        (
            Value::Attributed(Attributed::new(attributes, Value::Okay)),
            "|1\r\n+a\r\n:1\r\n+OK\r\n",
        ),
    ] {
        assert_eq!(resp3(&value), wire, "{value:?}");
    }
}

#[test]
fn resp2_sends_what_it_has_instead() {
    let attributes = pairs([(simple("a"), Value::Int(1))]);
    let attributed = |reply| Value::Attributed(Attributed::new(attributes.clone(), reply));
    for (value, wire) in [
        (Value::Okay, "+OK\r\n"),
        (Value::error("ERR", "a\r\nb"), "-ERR a  b\r\n"),
        (Value::Nil, "$-1\r\n"),
        (Value::Bool(true), ":1\r\n"),
        (Value::Bool(false), ":0\r\n"),
        (Value::Double(2.5), "$3\r\n2.5\r\n"),
        (Value::Double(f64::INFINITY), "$3\r\ninf\r\n"),
        (Value::BigNumber(b"-123".to_vec()), "$4\r\n-123\r\n"),
        (
            Value::Verbatim {
                format: *b"txt",
                text: b"hi".to_vec(),
            },
            "$2\r\nhi\r\n",
        ),
        (set([Value::Nil]), "*1\r\n$-1\r\n"),
        (
            Value::Map(pairs([(simple("k"), Value::Int(1))])),
            "*2\r\n+k\r\n:1\r\n",
        ),
        (attributed(bulk("v")), "$1\r\nv\r\n"),
        (
            attributed(array([attributed(Value::Okay)])),
            "*1\r\n+OK\r\n",
        ),
        (
            array([attributed(attributed(Value::Nil)), Value::Int(2)]),
            "*2\r\n$-1\r\n:2\r\n",
        ),
    ] {
        assert_eq!(resp2(&value), wire, "{value:?}");
    }
}

#[test]
fn line_ends_inside_a_simple_string_become_spaces() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        assert_eq!(encoded(&simple("a\r\nb\nc"), protocol), "+a  b c\r\n");
    }
}

#[test]
fn a_push_is_a_frame_of_its_own_in_resp3_and_an_array_in_resp2() {
    let message = push("message", [bulk("channel"), bulk("text")]);
    let mut out = Vec::new();
    encode::push(&mut out, &message, Protocol::Resp3);
    assert_eq!(
        out,
        b">3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n$4\r\ntext\r\n"
    );
    assert_eq!(push_of(&out), message);
    out.clear();
    encode::push(&mut out, &message, Protocol::Resp2);
    assert_eq!(
        out,
        b"*3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n$4\r\ntext\r\n"
    );
}

#[test]
fn the_arguments_of_a_push_follow_its_protocol() {
    let moving = push(
        "MOVING",
        [Value::Int(1), Value::Nil, set([Value::Bool(true)])],
    );
    let mut out = Vec::new();
    encode::push(&mut out, &moving, Protocol::Resp2);
    assert_eq!(out, b"*4\r\n$6\r\nMOVING\r\n:1\r\n$-1\r\n*1\r\n:1\r\n");
}

#[test]
fn limits_of_commands_are_those_of_servers() {
    assert_eq!(encode::MAX_ARGUMENT, Limits::new().get_bulk());
    assert_eq!(encode::MAX_ARGUMENTS, usize::try_from(i32::MAX).unwrap());
}
