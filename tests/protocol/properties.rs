//! What must hold for every value, every stream and every way to cut it.

use crate::support::{End, Outcome, assert_alike, decode_cut};
use hitless::unstable::handshake::{Answer, Ask, Handshake, Progress, Script};
use hitless::unstable::{Decoder, Frame, encode};
use hitless::{Attributed, Endpoint, Items, Limits, Notification, Pairs, Protocol, Push, Value};
use proptest::collection::vec;
use proptest::prelude::*;

/// Values that decode to themselves: no line ends in lines, `OK` as [`Value::Okay`], no space in an
/// error's code, no number that is not one.
fn values() -> impl Strategy<Value = Value> {
    let flat = prop_oneof![
        4 => vec(any::<u8>(), 0..40).prop_map(Value::Bulk),
        2 => any::<i64>().prop_map(Value::Int),
        1 => Just(Value::Nil),
        1 => Just(Value::Okay),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => prop::num::f64::ANY
            .prop_filter("numbers", |n| !n.is_nan())
            .prop_map(Value::Double),
        1 => "[-]?[0-9]{1,40}".prop_map(|digits| Value::BigNumber(digits.into_bytes())),
        1 => vec(any::<u8>().prop_filter("in a line", |b| !b"\r\n".contains(b)), 0..20)
            .prop_filter("has a name of its own", |bytes| bytes != b"OK")
            .prop_map(Value::Simple),
        1 => ("[A-Z]{0,8}", "\\PC{0,20}|[a-z\r\n ]{0,10}")
            .prop_map(|(code, text)| Value::error(code, text)),
        1 => (any::<[u8; 3]>(), vec(any::<u8>(), 0..20))
            .prop_map(|(format, text)| Value::Verbatim { format, text }),
        1 => resembling_frames().prop_map(Value::Bulk),
    ];
    flat.prop_recursive(6, 60, 6, |inner| {
        let pairs = || vec((inner.clone(), inner.clone()), 0..4).prop_map(Pairs::from_iter);
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(|v| Value::Array(Items::from(v))),
            vec(inner.clone(), 0..6).prop_map(|v| Value::Set(Items::from(v))),
            pairs().prop_map(Value::Map),
            (pairs(), inner.clone()).prop_map(|(attributes, reply)| Value::Attributed(
                Attributed::new(attributes, reply)
            )),
        ]
    })
}

fn pushes() -> impl Strategy<Value = Push> {
    let names =
        "MOVING|MIGRATING|MIGRATED|FAILING_OVER|FAILED_OVER|SMIGRATING|SMIGRATED|message|moving";
    let kind = prop_oneof![names.prop_map(String::into_bytes), vec(any::<u8>(), 0..10)];
    (kind, vec(values(), 0..5)).prop_map(|(kind, args)| Push {
        kind,
        args: args.into(),
    })
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let frame = prop_oneof![
        3 => values().prop_map(Frame::Reply),
        1 => pushes().prop_map(Frame::Push),
    ];
    vec(frame, 0..6)
}

/// Bytes made of the pieces that streams are made of, rarely in a right order.
fn resembling_frames() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "\r\n",
        "\r",
        "\n",
        "+",
        "-",
        ":",
        "$",
        "*",
        "_",
        "#",
        ",",
        "(",
        "!",
        "=",
        "%",
        "~",
        "|",
        ">",
        "0",
        "1",
        "2",
        "3",
        "16",
        "-1",
        "-",
        "a",
        "OK",
        "ERR x",
        "txt:",
        "$-1\r\n",
        "*-1\r\n",
        "_\r\n",
        "#t\r\n",
        ":1\r\n",
        "+OK\r\n",
        "$0\r\n\r\n",
        "$1\r\na\r\n",
        "*2\r\n",
        "%1\r\n",
        "|1\r\n",
        ">2\r\n",
        "~1\r\n",
        "*0\r\n",
        "9223372036854775807",
        "?",
        ".",
        "MOVING",
    ]);
    vec(pieces, 0..20).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Replies that an opening may meet.
fn answers() -> impl Strategy<Value = Value> {
    let greeting = |proto| Pairs::from_iter([(Value::bulk("proto"), Value::Int(proto))]);
    let error = |line: &str| Value::Error(hitless::ServerError::parse(line.as_bytes()));
    prop_oneof![
        4 => Just(Value::Okay),
        2 => prop::sample::select(vec![
            Value::Map(greeting(3)),
            Value::Map(greeting(2)),
            error("ERR unknown command 'HELLO' with args '3' 'AUTH' 's3cr3t-canary'"),
            error("NOPROTO"),
            error("s3cr3t-canary"),
            error("ERR unknown subcommand"),
            error("WRONGPASS s3cr3t-canary"),
            error("NOPERM"),
        ]),
        1 => values(),
    ]
}

fn encode_all(frames: &[Frame], protocol: Protocol) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        match frame {
            Frame::Reply(value) => encode::value(&mut out, value, protocol),
            Frame::Push(push) => encode::push(&mut out, push, protocol),
        }
    }
    out
}

/// Offsets at which a stream of this length is cut, in order.
fn cuts(len: usize, places: &[prop::sample::Index]) -> Vec<usize> {
    let mut cuts: Vec<usize> = places.iter().map(|place| place.index(len + 1)).collect();
    cuts.sort_unstable();
    cuts
}

/// Reads a stream in three ways, which must agree.
fn check_alike(limits: Limits, stream: &[u8], places: &[prop::sample::Index]) -> Outcome {
    let whole = decode_cut(limits, stream, &[]);
    let cuts = cuts(stream.len(), places);
    assert_alike(&decode_cut(limits, stream, &cuts), &whole, stream, &cuts);
    let bytes: Vec<usize> = (0..stream.len()).collect();
    assert_alike(&decode_cut(limits, stream, &bytes), &whole, stream, &bytes);
    whole
}

fn places() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    vec(any::<prop::sample::Index>(), 0..8)
}

/// What RESP2 leaves of a value.
fn lowered(value: &Value) -> Value {
    let all = |values: &[Value]| Value::Array(values.iter().map(lowered).collect());
    match value {
        Value::Array(items) | Value::Set(items) => all(items),
        Value::Map(pairs) => all(&pairs.clone().into_flat()),
        Value::Attributed(inner) => lowered(inner.reply()),
        Value::Bool(truth) => Value::Int(i64::from(*truth)),
        Value::BigNumber(bytes) | Value::Verbatim { text: bytes, .. } => Value::bulk(bytes),
        Value::Double(number) if number.is_infinite() => {
            Value::bulk(if *number > 0.0 { "inf" } else { "-inf" })
        }
        // How the number is spelt is not looked at here.
        Value::Double(_) => Value::Double(0.0),
        Value::Error(error) => {
            let line = error.to_string().replace(['\r', '\n'], " ");
            Value::Error(hitless::ServerError::parse(line.as_bytes()))
        }
        other => other.clone(),
    }
}

/// Puts what [`lowered`] puts in the place of numbers.
fn without_numbers(value: Value, model: &Value) -> Value {
    match (value, model) {
        (Value::Bulk(bytes), Value::Double(_)) => {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.parse::<f64>().is_ok(), "{text}");
            Value::Double(0.0)
        }
        (Value::Array(items), Value::Array(models)) if items.len() == models.len() => {
            let pairs = items.into_iter().zip(models);
            Value::Array(pairs.map(|(v, m)| without_numbers(v, m)).collect())
        }
        (other, _) => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_decodes_to_itself(frames in frames(), places in places()) {
        let stream = encode_all(&frames, Protocol::Resp3);
        let outcome = check_alike(Limits::default(), &stream, &places);
        // A push does not keep the attributes in front of it, and no encoder writes any.
        prop_assert_eq!(outcome, Outcome { frames, end: End::Whole });
    }

    #[test]
    fn what_is_encoded_as_resp2_decodes_to_what_resp2_has(value in values(), places in places()) {
        let mut stream = Vec::new();
        encode::value(&mut stream, &value, Protocol::Resp2);
        let mut outcome = check_alike(Limits::default(), &stream, &places);
        prop_assert_eq!(outcome.end, End::Whole);
        let Some(Frame::Reply(decoded)) = outcome.frames.pop() else {
            return Err(TestCaseError::fail("no reply"));
        };
        let model = lowered(&value);
        prop_assert_eq!(without_numbers(decoded, &model), model);
    }

    #[test]
    fn any_bytes_decode_alike_however_they_are_cut(
        stream in vec(any::<u8>(), 0..200),
        places in places(),
    ) {
        check_alike(Limits::default(), &stream, &places);
    }

    #[test]
    fn bytes_that_resemble_frames_decode_alike_however_they_are_cut(
        stream in resembling_frames(),
        places in places(),
    ) {
        check_alike(Limits::default(), &stream, &places);
    }

    #[test]
    fn a_stream_with_one_wrong_byte_decodes_alike_however_it_is_cut(
        frames in frames(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        places in places(),
    ) {
        let mut stream = encode_all(&frames, Protocol::Resp3);
        if !stream.is_empty() {
            let place = place.index(stream.len());
            stream[place] = byte;
        }
        check_alike(Limits::default(), &stream, &places);
    }

    #[test]
    fn small_limits_hold_however_the_stream_is_cut(
        frames in frames(),
        bulk in 0_usize..40,
        depth in 0_usize..6,
        elements in 0_usize..10,
        line in 0_usize..30,
        total in 0_usize..2_000,
        places in places(),
    ) {
        let limits = Limits::new().bulk(bulk).depth(depth).elements(elements).line(line).total(total);
        let stream = encode_all(&frames, Protocol::Resp3);
        let outcome = check_alike(limits, &stream, &places);
        // What comes out before a limit is hit is what would have come out without.
        prop_assert_eq!(&outcome.frames[..], &frames[..outcome.frames.len()]);
        for frame in &outcome.frames {
            let Frame::Reply(value) = frame else { continue };
            prop_assert!(value.as_items().is_none_or(|items| items.len() <= elements));
            prop_assert!(value.as_bytes().is_none_or(|bytes| bytes.len() <= bulk.max(line).max(2)));
        }
        prop_assert_eq!(outcome.end == End::Whole, outcome.frames.len() == frames.len());
    }

    #[test]
    fn a_payload_that_resembles_frames_never_is_one(
        payload in resembling_frames(),
        places in places(),
    ) {
        let mut stream = Vec::new();
        encode::command(&mut stream, &[b"GET", &payload]);
        encode::argument(&mut stream, &payload);
        let outcome = check_alike(Limits::default(), &stream, &places);
        let bulk = Value::Bulk(payload);
        let command = Value::array(vec![Value::bulk("GET"), bulk.clone()]);
        prop_assert_eq!(outcome.frames, [command, bulk].map(Frame::Reply));
    }

    #[test]
    fn a_clone_equals_and_prints_like_its_original(value in values()) {
        let copy = value.clone();
        prop_assert_eq!(format!("{value:?}"), format!("{copy:?}"));
        prop_assert_eq!(value, copy);
    }

    #[test]
    fn values_are_equal_where_their_bytes_are(left in values(), right in values()) {
        let bytes = |value: &Value| encode_all(&[Frame::Reply(value.clone())], Protocol::Resp3);
        // Two zeros are equal and written differently.
        prop_assume!(left != Value::Double(0.0) || right != Value::Double(0.0));
        prop_assert_eq!(left == right, bytes(&left) == bytes(&right));
    }

    #[test]
    fn no_push_breaks_the_reading_of_notifications(push in pushes(), port in any::<u16>()) {
        if let Some(Ok(notification)) = Notification::classify(&push, port) {
            let kind = String::from_utf8(push.kind).unwrap().to_ascii_uppercase();
            prop_assert_eq!(notification.name(), kind);
            if let Notification::Moving { target: Some(target), .. } = notification {
                prop_assert_eq!(target.to_string().parse(), Ok(target));
            }
        }
    }

    #[test]
    fn an_endpoint_that_is_read_prints_as_one_that_reads_alike(
        text in "[a-z0-9.:\\[\\]%/@? -]{0,30}|\\PC{0,30}|[0-9a-f:]{0,20}(:[0-9]{1,6})?",
        port in any::<u16>(),
    ) {
        if let Ok(endpoint) = text.parse::<Endpoint>() {
            prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }
        if let Ok(Some(endpoint)) = Endpoint::from_notification(&text, port) {
            let Endpoint::Tcp { host, port } = &endpoint else {
                return Err(TestCaseError::fail("a path"));
            };
            prop_assert!(*port > 0 && !host.is_empty() && host.len() <= 253);
            prop_assert!(!host.contains(['/', '@', ' ', '\0', '\r', '\n', '[', ']', '?']));
            prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }
    }

    #[test]
    fn a_whole_frame_is_consumed_to_its_last_byte_and_no_further(
        value in values(),
        behind in vec(any::<u8>(), 0..20),
    ) {
        let mut stream = Vec::new();
        encode::value(&mut stream, &value, Protocol::Resp3);
        let len = stream.len();
        stream.extend_from_slice(&behind);
        let step = Decoder::new(Limits::default()).decode(&stream).unwrap();
        prop_assert_eq!(step.consumed, len);
        prop_assert_eq!(step.frame, Some(Frame::Reply(value)));
    }

    #[test]
    fn no_replies_break_the_opening_of_a_connection(
        replies in vec(answers(), 0..20),
        resp3 in any::<bool>(),
        resp2_will_do in any::<bool>(),
        required in any::<bool>(),
        database in 0_u32..3,
        password in proptest::option::of(Just("s3cr3t-canary")),
    ) {
        let mut script = Script::new(Handshake {
            protocol: if resp3 { Protocol::Resp3 } else { Protocol::Resp2 },
            resp2_will_do,
            username: None,
            password: password.map(Into::into),
            client_name: Some("name".to_owned()),
            library: Some(("lib".to_owned(), "1".to_owned())),
            database,
            maintenance: Some(Ask { required, endpoint_type: None }),
        });
        let mut outstanding = 0_usize;
        let mut writes = 0;
        for reply in replies {
            if let Some(bytes) = script.poll_write() {
                prop_assert_eq!(outstanding, 0);
                outstanding = decode_cut(Limits::default(), &bytes, &[]).frames.len();
                writes += 1;
            }
            match script.handle_reply(reply) {
                Ok(progress) => {
                    outstanding -= 1;
                    prop_assert_eq!(progress == Progress::MoreReplies, outstanding > 0);
                    if let Progress::Done(greeting) = progress {
                        let text = format!("{greeting:?}");
                        prop_assert!(password.is_none() || !text.contains("canary"));
                        let granted = greeting.maintenance == Answer::Granted;
                        prop_assert!(granted || !required);
                        prop_assert!(!granted || greeting.protocol == Protocol::Resp3);
                        prop_assert_eq!(script.poll_write(), None);
                        break;
                    }
                }
                Err(refused) => {
                    let text = format!("{refused} {refused:?}");
                    prop_assert!(password.is_none() || !text.contains("canary"));
                    break;
                }
            }
        }
        prop_assert!(writes <= 2);
    }
}
