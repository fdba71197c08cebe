//! Where the bytes of a stream go, however it is cut, and what stays allocated.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn inbound() -> Inbound {
    Inbound::new(Limits::default())
}

/// One read, as the link does it: `socket` yields so many bytes at most. How many went into a string.
fn receive(inbound: &mut Inbound, socket: &mut &[u8], most: usize) -> usize {
    let (now, direct);
    if let Some(string) = inbound.string() {
        now = (string.capacity() - string.len())
            .min(socket.len())
            .min(most);
        string.extend_from_slice(&socket[..now]);
        inbound.appended();
        direct = now;
    } else {
        let space = inbound.space();
        now = space.len().min(socket.len()).min(most);
        space[..now].copy_from_slice(&socket[..now]);
        inbound.filled(now);
        direct = 0;
    }
    *socket = &socket[now..];
    direct
}

/// Reads a whole stream; after every other read the replies that are ready are taken many at once. What came, and
/// how many bytes went into strings past the buffer.
fn read(
    inbound: &mut Inbound,
    stream: &[u8],
    mut most: impl FnMut() -> usize,
) -> (Vec<Frame>, usize) {
    let (mut frames, mut direct, mut socket) = (Vec::new(), 0, stream);
    let mut many = false;
    while !socket.is_empty() {
        direct += receive(inbound, &mut socket, most());
        many = !many;
        if many {
            inbound.take_ready();
            frames.extend(inbound.replies.drain(..).map(Frame::Reply));
        }
        while let Ok(Some(frame)) = inbound.next() {
            frames.push(frame);
        }
    }
    assert!(inbound.is_drained());
    (frames, direct)
}

fn bulk(len: usize) -> Vec<u8> {
    let mut bytes = format!("${len}\r\n").into_bytes();
    // Full of line ends, which end nothing.
    bytes.extend((0..len).map(|at| b"\r\n$1"[at % 4]));
    bytes.extend_from_slice(b"\r\n");
    bytes
}

#[test]
fn a_long_string_goes_past_the_buffer_into_the_value() {
    let stream = [bulk(10 << 20), b":1\r\n".to_vec()].concat();
    let mut inbound = inbound();
    let mut socket = &stream[..];
    let (mut reads, mut last) = (0, std::ptr::null());
    let value = loop {
        receive(&mut inbound, &mut socket, usize::MAX);
        reads += 1;
        if let Some(string) = inbound.string() {
            last = string.as_ptr();
        }
        if let Some(frame) = inbound.next().unwrap() {
            break frame;
        }
    };
    let Frame::Reply(Value::Bulk(bytes)) = value else {
        panic!("{value:?}");
    };
    assert!(bytes == stream[11..][..10 << 20], "other bytes");
    assert_eq!(bytes.as_ptr(), last, "the value is what was read into");
    receive(&mut inbound, &mut socket, usize::MAX);
    let behind = inbound.next().unwrap();
    assert_eq!(behind, Some(Frame::Reply(Value::Int(1))));
    // One for the header, and then each as large as all before.
    assert!(reads <= 11, "{reads} reads");
    assert_eq!(inbound.buffer.len(), LEAST);
}

#[test]
fn what_comes_in_pieces_of_any_size_is_what_comes_at_once() {
    // Around the size of the buffer, where the way of a string changes.
    for len in [
        LEAST - 9,
        LEAST,
        LEAST + 1,
        2 * LEAST,
        3 * LEAST - 1,
        5 * LEAST,
    ] {
        let stream = [b"*2\r\n+x\r\n".to_vec(), bulk(len), bulk(3)].concat();
        let whole = read(&mut inbound(), &stream, || usize::MAX).0;
        for cut in [
            1,
            2,
            3,
            7,
            14,
            15,
            16,
            17,
            18,
            LEAST - 1,
            LEAST,
            LEAST + 1,
            2 * LEAST,
        ] {
            let mut first = Some(cut);
            let cut_once = || first.take().unwrap_or(usize::MAX);
            assert_eq!(
                read(&mut inbound(), &stream, cut_once).0,
                whole,
                "{len} {cut}"
            );
            if cut > 1000 {
                assert_eq!(
                    read(&mut inbound(), &stream, || cut).0,
                    whole,
                    "{len} {cut}"
                );
            }
        }
        // The last bytes of a long string, one by one.
        for end in stream.len() - 20..stream.len() {
            let mut first = Some(end);
            let cut_late = || first.take().unwrap_or(1);
            assert_eq!(
                read(&mut inbound(), &stream, cut_late).0,
                whole,
                "{len} {end}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn frames_do_not_depend_on_how_they_are_read(
        lens in vec(prop_oneof![0usize..100, 10_000usize..100_000], 1..6),
        array in any::<bool>(),
        pieces in vec(prop_oneof![1usize..50, 5_000usize..300_000], 1..20),
    ) {
        let mut stream = if array { format!("*{}\r\n", lens.len()).into_bytes() } else { Vec::new() };
        for len in &lens {
            stream.extend(bulk(*len));
        }
        let mut decoder = Decoder::new(Limits::default());
        let (mut expected, mut rest) = (Vec::new(), &stream[..]);
        while !rest.is_empty() {
            let step = decoder.decode(rest).unwrap();
            rest = &rest[step.consumed..];
            expected.extend(step.frame);
        }
        // The last piece is large, so that the number of reads stays small.
        let mut pieces = pieces.into_iter();
        let most = || pieces.next().unwrap_or(usize::MAX);
        let mut inbound = inbound();
        prop_assert_eq!(read(&mut inbound, &stream, most).0, expected);
    }
}

#[test]
fn reads_that_fill_the_buffer_make_it_larger_until_the_connection_is_quiet() {
    let mut inbound = inbound();
    let short = b"+PONG\r\n".repeat(4 * MOST / 7);
    assert!(!inbound.has_grown());
    read(&mut inbound, &short, || usize::MAX);
    assert_eq!(inbound.buffer.len(), MOST);
    assert!(inbound.has_grown());
    // A part of what comes next is there.
    let mut socket = &b">2\r\n+kind\r\n+ar"[..];
    receive(&mut inbound, &mut socket, usize::MAX);
    assert_eq!(inbound.next(), Ok(None));
    inbound.shrink();
    assert_eq!(inbound.buffer.len(), LEAST);
    assert!(!inbound.has_grown());
    let (frames, _) = read(&mut inbound, b"gument\r\n", || usize::MAX);
    let push = crate::protocol::Push {
        kind: b"kind".to_vec(),
        args: vec![Value::Simple(b"argument".to_vec())].into(),
    };
    assert_eq!(frames, [Frame::Push(push)]);
}

#[test]
fn one_full_read_is_not_yet_a_larger_buffer() {
    let mut inbound = inbound();
    // Its beginning fills the buffer, its rest does not come through there.
    let (frames, direct) = read(&mut inbound, &bulk(3 * LEAST), || usize::MAX);
    assert_eq!((frames.len(), inbound.buffer.len()), (1, LEAST));
    assert_eq!(direct, bulk(3 * LEAST).len() - LEAST);
    inbound.shrink();
    // Again and again, with pauses.
    for _ in 0..3 {
        read(&mut inbound, &bulk(3 * LEAST), || usize::MAX);
        inbound.shrink();
    }
    assert_eq!(inbound.buffer.len(), LEAST);
}

#[test]
fn a_long_line_has_the_buffer_grow_and_shrink() {
    let limits = Limits::default().line(1 << 20);
    let mut inbound = Inbound::new(limits);
    let mut line = vec![b'x'; 300_000];
    line[0] = b'+';
    line.extend_from_slice(b"\r\n:1\r\n");
    let (frames, _) = read(&mut inbound, &line, || usize::MAX);
    assert_eq!(frames.len(), 2);
    assert!(inbound.buffer.len() > 300_000 && inbound.has_grown());
    inbound.shrink();
    assert_eq!(inbound.buffer.len(), LEAST);
}

#[test]
fn a_quiet_connection_keeps_room_for_few_replies() {
    let mut inbound = inbound();
    inbound.replies.reserve(10_000);
    assert!(inbound.has_grown());
    inbound.shrink();
    assert!(!inbound.has_grown());
}

#[test]
fn replies_are_taken_many_at_once_up_to_one_that_is_not_whole() {
    let mut inbound = inbound();
    let stream = b"$2\r\nab\r\n+OK\r\n_\r\n$-1\r\n$1\r\nc\r\n:1\r\n$1\r\nd\r\n$3\r\nef";
    receive(&mut inbound, &mut &stream[..], stream.len());
    inbound.take_ready();
    // An integer is left to `next`, and so is what is behind it.
    let taken = std::mem::take(&mut inbound.replies);
    let text = Value::bulk;
    let expected = [text("ab"), Value::Okay, Value::Nil, Value::Nil, text("c")];
    assert_eq!(taken, expected);
    assert_eq!(inbound.next(), Ok(Some(Frame::Reply(Value::Int(1)))));
    inbound.take_ready();
    assert_eq!(std::mem::take(&mut inbound.replies), [text("d")]);
    assert_eq!(inbound.next(), Ok(None));
    inbound.take_ready();
    assert_eq!(inbound.replies, []);
    let rest = b"g\r\n+OK\r\n";
    receive(&mut inbound, &mut &rest[..], rest.len());
    assert_eq!(inbound.next(), Ok(Some(Frame::Reply(text("efg")))));
    inbound.take_ready();
    assert_eq!(inbound.replies, [Value::Okay]);
    assert!(inbound.is_drained());
}

#[test]
fn a_reply_beyond_a_limit_is_not_taken_as_ready() {
    for (stream, most) in [(&b"$2\r\nab\r\n"[..], 1), (b"+OK\r\n", 1)] {
        let limits = Limits {
            bulk: most,
            line: most,
            ..Limits::default()
        };
        let mut inbound = Inbound::new(limits);
        receive(&mut inbound, &mut &stream[..], stream.len());
        inbound.take_ready();
        assert_eq!(inbound.replies, []);
        assert!(inbound.next().is_err(), "{stream:?}");
    }
}
