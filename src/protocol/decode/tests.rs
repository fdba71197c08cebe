//! Memory and work, which cannot be seen from outside, and the short way of the client.

use super::*;

fn decoder() -> Decoder {
    Decoder::new(Limits::default())
}

/// Bytes that the decoder holds for the reply in progress.
fn held(decoder: &Decoder) -> usize {
    let open = decoder
        .open
        .iter()
        .map(|open| open.elements.capacity() * ELEMENT_COST);
    let bulk = decoder
        .filling
        .iter()
        .map(|filling| filling.bytes.capacity());
    open.chain(bulk).sum()
}

/// Passes all of a stream that must not end, and yields how many bytes were not used.
fn feed(decoder: &mut Decoder, stream: &[u8]) -> usize {
    let step = decoder.decode(stream).unwrap();
    assert_eq!(step.frame, None);
    stream.len() - step.consumed
}

#[test]
fn an_announced_length_reserves_no_more_than_64_kib() {
    for header in [
        "$536870912\r\n",
        "=536870912\r\n",
        "!536870912\r\n",
        "*16777216\r\n",
        "%8388608\r\n",
    ] {
        let mut decoder = decoder();
        assert_eq!(feed(&mut decoder, header.as_bytes()), 0);
        assert!(held(&decoder) <= ROOM, "{header} holds {}", held(&decoder));
    }
}

#[test]
fn many_announced_lengths_inside_each_other_reserve_little() {
    let limits = Limits {
        total: usize::MAX,
        ..Limits::default()
    };
    for header in [
        "*16777216\r\n",
        "%8388608\r\n",
        "|8388607\r\n",
        "~16777216\r\n",
    ] {
        let mut decoder = Decoder::new(limits);
        let stream = header.repeat(128);
        assert_eq!(feed(&mut decoder, stream.as_bytes()), 0);
        assert_eq!(decoder.open.len(), 128);
        assert!(
            held(&decoder) <= 3 * ROOM,
            "{header} holds {}",
            held(&decoder)
        );
    }
}

#[test]
fn a_long_input_behind_a_header_reserves_by_the_input() {
    // Everything after the header is one string that has not ended.
    let mut stream = b"*16777216\r\n*16777216\r\n$9000000\r\n".to_vec();
    stream.resize(1 << 20, b'x');
    let limits = Limits {
        total: usize::MAX,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(limits);
    assert_eq!(feed(&mut decoder, &stream), 0);
    let elements: usize = decoder.open.iter().map(|o| o.elements.capacity()).sum();
    assert!(
        elements * ELEMENT_COST <= 2 * ROOM + stream.len() * 3,
        "{elements}"
    );
}

#[test]
fn a_bulk_string_that_is_all_here_is_reserved_exactly() {
    for len in [1, 16, 1_000, 100_000] {
        let mut stream = format!("${len}\r\n").into_bytes();
        stream.resize(stream.len() + len, b'x');
        stream.extend_from_slice(b"\r\n");
        let frame = decoder().decode(&stream).unwrap().frame;
        let Some(Frame::Reply(Value::Bulk(bytes))) = frame else {
            panic!("{frame:?}");
        };
        assert_eq!((bytes.len(), bytes.capacity()), (len, len));
    }
}

#[test]
fn a_bulk_string_in_pieces_grows_with_what_was_received_and_ends_exact() {
    let len = 1_000_000;
    for piece in [1_000, 16_384, 300_000] {
        let mut decoder = decoder();
        feed(&mut decoder, format!("${len}\r\n").as_bytes());
        let mut sent = 0;
        let mut capacities = vec![held(&decoder)];
        while sent < len {
            let now = piece.min(len - sent);
            assert_eq!(feed(&mut decoder, &vec![b'x'; now]), 0);
            sent += now;
            assert!(held(&decoder) <= 2 * sent + ROOM);
            capacities.push(held(&decoder));
        }
        capacities.dedup();
        assert!(capacities.len() <= 7, "few moves: {capacities:?}");
        let frame = decoder.decode(b"\r\n").unwrap().frame;
        let Some(Frame::Reply(Value::Bulk(bytes))) = frame else {
            panic!("{frame:?}");
        };
        // Its line end came into the same memory.
        assert_eq!((bytes.len(), bytes.capacity()), (len, len + 2));
    }
}

/// All frames of a stream that comes in these pieces, and how it ends. `least`: strings of which more is
/// missing are filled from outside.
fn frames(
    stream: &[u8],
    mut pieces: impl FnMut() -> usize,
    least: Option<usize>,
) -> (Vec<Frame>, Option<Malformed>) {
    let (mut decoder, mut frames) = (decoder(), Vec::new());
    let (mut buffer, mut rest) = (Vec::new(), stream);
    loop {
        let piece = pieces().min(rest.len());
        let string = match least {
            Some(least) if buffer.is_empty() => decoder.filling(least),
            _ => None,
        };
        let room = match string {
            Some(string) => {
                let room = string.capacity() - string.len();
                assert!(room > 0);
                string.extend_from_slice(&rest[..piece.min(room)]);
                room
            }
            None => {
                buffer.extend_from_slice(&rest[..piece]);
                usize::MAX
            }
        };
        rest = &rest[piece.min(room)..];
        loop {
            match decoder.decode(&buffer) {
                Ok(step) => {
                    buffer.drain(..step.consumed);
                    match step.frame {
                        Some(frame) => frames.push(frame),
                        None => break,
                    }
                }
                Err(malformed) => return (frames, Some(malformed)),
            }
        }
        if rest.is_empty() {
            return (frames, None);
        }
    }
}

#[test]
fn a_string_that_is_filled_from_outside_is_what_the_ordinary_way_makes_of_it() {
    let streams: [&[u8]; 12] = [
        b"$12\r\n0123456789ab\r\n$3\r\nabc\r\n",
        b"$0\r\n\r\n$2\r\n\r\n\r\n:1\r\n",
        b"*3\r\n$10\r\n$3\r\nabc\r\n\r\n:5\r\n*1\r\n$4\r\n\r\n\r\n\r\n",
        b">2\r\n$7\r\nmessage\r\n$9\r\nno marker\r\n+OK\r\n",
        b"=9\r\ntxt:a\r\nbc\r\n!9\r\nERR so\nso\r\n_\r\n",
        b"|1\r\n$3\r\nttl\r\n:1\r\n$5\r\nvalue\r\n",
        b"%1\r\n$3\r\nkey\r\n$5\r\nvalue\r\n",
        // Mistakes.
        b"$3\r\nabcd\r\n",
        b"$3\r\nabc\rd$1\r\na\r\n",
        b"$3\r\nabc\n\r",
        b"=3\r\ntxt\r\n",
        b"*2\r\n$3\r\nabc\r\n?",
    ];
    for stream in streams {
        let ordinary = frames(stream, || usize::MAX, None);
        for first in 0..=stream.len() {
            for piece in 1..=stream.len() {
                for least in 0..3 {
                    let mut pieces = std::iter::once(first).chain(std::iter::repeat(piece));
                    let filled = frames(stream, || pieces.next().unwrap(), Some(least));
                    assert_eq!(
                        filled,
                        ordinary,
                        "{first} {piece} {}",
                        stream.escape_ascii()
                    );
                }
            }
        }
    }
}

#[test]
fn room_in_a_string_follows_what_was_received_and_never_the_length() {
    let len = 512 << 20;
    let mut decoder = decoder();
    assert_eq!(feed(&mut decoder, format!("${len}\r\nabc").as_bytes()), 0);
    let mut received = 3;
    let mut moves = 0;
    while received < 8 << 20 {
        let before = held(&decoder);
        let string = decoder.filling(0).unwrap();
        // What a socket has at most, at a time.
        let now = (string.capacity() - string.len()).min(10_000);
        string.resize(string.len() + now, b'x');
        received += now;
        assert_eq!(feed(&mut decoder, b""), 0);
        assert!(
            held(&decoder) <= 2 * received + ROOM,
            "{} {received}",
            held(&decoder)
        );
        moves += usize::from(held(&decoder) != before);
    }
    assert!(moves <= 8, "{moves} moves");
}

#[test]
fn a_long_string_never_grows_for_its_last_few_bytes() {
    const READ: usize = 16 << 10;
    // Of how many bytes a string has room for after each time that it grew.
    let rooms = std::iter::successors(Some(ROOM), |room| Some((room + 1) * 2));
    for room in rooms.skip(1).take(6) {
        for missing in [0, 1, 1_156, READ, READ + 1, ROOM, ROOM + 1] {
            let mut decoder = decoder();
            let len = room + missing - 2;
            assert_eq!(feed(&mut decoder, format!("${len}\r\n").as_bytes()), 0);
            while let Some(string) = decoder.filling(READ) {
                string.resize(string.capacity(), b'x');
            }
            // The rest comes by the way of short strings.
            assert_eq!(held(&decoder), len + 2, "{missing} more than {room}");
        }
    }
}

#[test]
fn only_a_string_that_misses_more_is_filled_from_outside() {
    let mut decoder = decoder();
    assert!(decoder.filling(0).is_none());
    feed(&mut decoder, b"*2\r\n$10\r\n0123");
    // Six bytes and the line end.
    assert!(decoder.filling(8).is_none());
    let string = decoder.filling(7).unwrap();
    assert_eq!(string.capacity() - string.len(), 8);
    string.extend_from_slice(b"456789\r");
    assert!(decoder.filling(1).is_none());
    assert_eq!(feed(&mut decoder, b"\n"), 0);
    assert!(
        decoder.filling(0).is_none(),
        "the string has ended, the array has not"
    );
}

#[test]
fn a_short_bulk_string_in_pieces_is_one_allocation() {
    let mut decoder = decoder();
    feed(&mut decoder, b"$60000\r\n");
    let pointer = decoder.filling.as_ref().unwrap().bytes.as_ptr();
    for _ in 0..60_000 {
        assert_eq!(feed(&mut decoder, b"x"), 0);
    }
    let frame = decoder.decode(b"\r\n").unwrap().frame;
    let Some(Frame::Reply(Value::Bulk(bytes))) = frame else {
        panic!("{frame:?}");
    };
    assert_eq!(bytes.as_ptr(), pointer);
}

#[test]
fn an_array_that_is_all_here_is_one_allocation() {
    let mut stream = b"*10000\r\n".to_vec();
    for _ in 0..10_000 {
        stream.extend_from_slice(b"$16\r\n0123456789abcdef\r\n");
    }
    let frame = decoder().decode(&stream).unwrap().frame;
    let Some(Frame::Reply(Value::Array(items))) = frame else {
        panic!("no array");
    };
    assert_eq!((items.len(), items.0.capacity()), (10_000, 10_000));
}

#[test]
fn no_byte_of_an_unfinished_line_is_searched_twice() {
    let mut decoder = decoder();
    let mut line = vec![b'+'];
    for len in 0..65_536 {
        let known = decoder.scanned;
        assert_eq!(feed(&mut decoder, &line), line.len());
        assert_eq!(decoder.scanned, len);
        assert!(decoder.scanned >= known);
        line.push(b'x');
    }
    line.extend_from_slice(b"\r\n");
    let step = decoder.decode(&line).unwrap();
    assert_eq!((step.consumed, decoder.scanned), (line.len(), 0));
}

#[test]
fn what_was_searched_is_not_looked_at_again() {
    let mut decoder = decoder();
    assert_eq!(feed(&mut decoder, b"+abc"), 4);
    // No caller may do this; one that does shows where the search goes on.
    let step = decoder.decode(b"+a\nc\r\n").unwrap();
    let unseen = Value::Simple(b"a\nc".to_vec());
    assert_eq!(step.frame, Some(Frame::Reply(unseen)));
}

#[test]
fn a_line_that_was_searched_in_part_is_searched_on_inside_an_aggregate() {
    let mut decoder = decoder();
    let rest = feed(&mut decoder, b"*2\r\n+first\r\n-ERR sec");
    assert_eq!((rest, decoder.scanned), (8, 7));
    let step = decoder.decode(b"-ERR second\r\n:1\r\n").unwrap();
    let elements = vec![
        Value::Simple(b"first".to_vec()),
        Value::error("ERR", "second"),
    ];
    assert_eq!(step.frame, Some(Frame::Reply(Value::array(elements))));
    assert_eq!((step.consumed, decoder.scanned), (13, 0));
}

#[test]
fn a_reply_leaves_nothing_behind_but_room_for_the_next() {
    let mut decoder = decoder();
    for stream in [
        "*2\r\n*1\r\n:1\r\n$1\r\na\r\n",
        ">2\r\n+a\r\n*1\r\n:1\r\n",
        "|1\r\n+a\r\n_\r\n>1\r\n+p\r\n",
    ] {
        assert!(decoder.decode(stream.as_bytes()).unwrap().frame.is_some());
        assert_eq!(
            (decoder.open.len(), decoder.spent, decoder.scanned),
            (0, 0, 0)
        );
        assert!(decoder.filling.is_none());
    }
    assert!(decoder.open.capacity() <= decoder.limits.depth);
}

#[test]
fn a_mistake_gives_back_all_memory() {
    let mut decoder = decoder();
    feed(&mut decoder, b"*1000\r\n*1000\r\n$100000\r\nabc");
    assert!(held(&decoder) > 0);
    let mut rest = vec![b'x'; 99_997];
    rest.extend_from_slice(b"??");
    assert_eq!(decoder.decode(&rest), Err(Malformed::EndOfBulk));
    assert_eq!((held(&decoder), decoder.open.capacity()), (0, 0));
    assert!(decoder.filling.is_none());
}

#[test]
fn the_short_way_and_the_long_way_agree() {
    let decoder = Decoder::new(Limits {
        bulk: 12,
        total: 11,
        ..Limits::default()
    });
    for (input, taken) in [
        ("$1\r\na\r\n", true),
        ("$11\r\n0123456789a\r\n", true),
        // Beyond a limit.
        ("$12\r\n0123456789ab\r\n", false),
        ("$13\r\n0123456789abc\r\n", false),
        // Not all here.
        ("", false),
        ("$", false),
        ("$1", false),
        ("$1\r", false),
        ("$1\r\n", false),
        ("$1\r\na", false),
        ("$1\r\na\r", false),
        // Mistakes and other types.
        ("$0\r\n\r\n", false),
        ("$01\r\na\r\n", false),
        ("$-1\r\n", false),
        ("$+1\r\na\r\n", false),
        ("$1\r\naa\r\n", false),
        ("$1\ra\r\n", false),
        ("$9999999999\r\na\r\n", false),
        ("!1\r\na\r\n", false),
    ] {
        assert_eq!(
            decoder.ready_bulk(input.as_bytes()).is_some(),
            taken,
            "{input:?}"
        );
        let long = Decoder::new(decoder.limits).advance(input.as_bytes());
        let short = Decoder::new(decoder.limits).decode(input.as_bytes());
        assert_eq!(long, short, "{input:?}");
    }
}

#[test]
fn the_short_way_says_what_the_long_way_says_or_nothing() {
    let frames = [
        ("$3\r\nabc\r\n", true),
        (":-17\r\n", true),
        ("+OK\r\n", true),
        ("_\r\n", true),
        ("$-1\r\n", false),
        ("$03\r\nabc\r\n", false),
        ("*1\r\n:1\r\n", false),
        ("+PONG\r\n", false),
        ("-ERR no\r\n", false),
        (":99999999999999999999\r\n", false),
        (">1\r\n+x\r\n", false),
    ];
    let usual = Limits::default();
    let limits = [
        usual,
        Limits { line: 1, ..usual },
        Limits { bulk: 2, ..usual },
        Limits { total: 2, ..usual },
    ];
    for (frame, is_short) in frames {
        let short = Decoder::new(usual).decode_sole(frame.as_bytes());
        assert_eq!(short.is_some(), is_short, "{frame}");
        let stream = format!("{frame}:1\r\n");
        for (limits, end) in limits
            .iter()
            .flat_map(|l| (0..=stream.len()).map(move |end| (l, end)))
        {
            let input = &stream.as_bytes()[..end];
            let mut long = Decoder::new(*limits);
            let mut short = Decoder::new(*limits);
            // What has begun stays begun: a line of which the beginning was looked at before.
            for begun in [&input[..0], &input[..end.min(2)]] {
                let step = (long.decode(begun), short.decode(begun));
                assert_eq!(step.0, step.1);
                let begun = step.0.map_or(end, |step| step.consumed);
                let rest = input.get(begun..).unwrap_or_default();
                let said = match short.decode_sole(rest) {
                    Some(reply) => Ok(Step {
                        consumed: rest.len(),
                        frame: Some(Frame::Reply(reply)),
                    }),
                    None => short.decode(rest),
                };
                assert_eq!(said, long.decode(rest), "{frame} {end}");
                assert_eq!(short.scanned, long.scanned, "{frame} {end}");
            }
        }
    }
}
