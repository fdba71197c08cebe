mod methods;

use super::dispatch::Unit;
use super::keys::Span;
use super::*;
use std::time::Duration;

/// The words of a command; `_` is an empty one.
struct Words(Vec<&'static str>);

impl Arguments for Words {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn argument(&self, place: usize) -> Option<&[u8]> {
        let word = self.0.get(place)?;
        Some(word.trim_start_matches('_').as_bytes())
    }
}

fn words(text: &'static str) -> Words {
    Words(text.split(' ').collect())
}

fn row(words: &Words) -> &'static Command {
    find(words.0[0].as_bytes()).subcommand(words.argument(1))
}

fn commands() -> impl Iterator<Item = &'static Command> {
    GROUPS.iter().copied().flatten()
}

#[test]
fn every_command_is_found_by_its_name_in_any_case() {
    for command in commands() {
        let found = find(command.name.as_bytes());
        assert!(std::ptr::eq(found, command), "{}", command.name);
        let small = command.name.to_lowercase();
        assert!(std::ptr::eq(find(small.as_bytes()), command), "{small}");
        for sub in command.subcommands {
            let small = sub.name.to_lowercase();
            let found = command.subcommand(Some(small.as_bytes()));
            assert_eq!(found.name, sub.name, "{}", command.name);
        }
    }
    assert!(commands().count() > 250);
}

#[test]
fn what_is_not_in_the_table_is_unknown() {
    let long = "X".repeat(1 << 20);
    for name in [
        "",
        "G",
        "GETS",
        "GE\0",
        "FT.SEARCH",
        "get ",
        "g\u{e9}t",
        &long,
    ] {
        assert!(std::ptr::eq(find(name.as_bytes()), &UNKNOWN), "{name:.10}");
    }
    for name in ["EVALX", "fcall_1", "RG.X", "TFCALL_X"] {
        let script = find(name.as_bytes());
        assert!(std::ptr::eq(script, &UNKNOWN_SCRIPT), "{name}");
    }
    let newer = find(b"CLIENT").subcommand(Some(b"NEWER"));
    assert!(std::ptr::eq(newer, &UNKNOWN));
    assert_eq!(UNKNOWN.keys_of(&words("FT.SEARCH k")), None);
    assert_eq!(UNKNOWN.repeat_of(&words("FT.GET k")), Repeat::Never);
    assert_eq!(UNKNOWN.dispatch_of(&words("FT.GET k")), Dispatch::Asked);
    let nameless = NAMELESS.dispatch_of(&words("SELECT 1"));
    assert_eq!(nameless, Dispatch::Refused(RefusalReason::Nameless));
    // Without its sub-command, a container is itself.
    assert!(std::ptr::eq(
        find(b"CLIENT").subcommand(None),
        find(b"client")
    ));
}

#[test]
fn few_names_share_a_place() {
    let moved = commands().filter(|command| {
        let first = INDEX[hash(command.name.as_bytes())];
        !first.is_some_and(|first| std::ptr::eq(first, *command))
    });
    assert!(moved.count() < 60);
}

#[test]
fn arguments_change_whether_a_command_may_run_twice() {
    use Repeat::{LastWins, Never, Reads};
    for (text, repeat) in [
        ("GET k", Reads),
        ("SET k v", LastWins),
        ("SET k v EX 10", LastWins),
        ("SET k v nx", Never),
        ("SET k v GET", Never),
        ("SET NX v", Never),
        ("GETEX k", Reads),
        ("GETEX k persist", LastWins),
        ("GETEX k EX 10", LastWins),
        ("HGETEX k FIELDS 1 f", Reads),
        ("HGETEX k PX 10 FIELDS 1 f", LastWins),
        ("ZADD k 1 m", LastWins),
        ("ZADD k INCR 1 m", Never),
        ("SORT k", Reads),
        ("SORT k STORE d", Never),
        ("BITFIELD k GET u8 0", Reads),
        ("BITFIELD k INCRBY u8 0 1", Never),
        ("GEORADIUS k 1 2 3 m", Reads),
        ("GEORADIUS k 1 2 3 m STOREDIST d", Never),
        ("XREAD BLOCK 0 STREAMS a 1", Reads),
        ("XREADGROUP GROUP g c STREAMS a >", Never),
        ("JSON.SET k $.a 1", LastWins),
        ("JSON.SET k $.a 1 xx", Never),
        ("JSON.SET k $..a {}", Never),
        ("JSON.MSET k $.a 1 l $[?(@>1)] 1", Never),
        ("JSON.MERGE k $ {}", LastWins),
        ("JSON.MERGE k ..a {}", Never),
        ("JSON.CLEAR k $..a", LastWins),
        ("JSON.CLEAR k $[?(@>=$[0])]", Never),
        ("INCR k", Never),
        ("DEL k", LastWins),
        ("LPOP k", Never),
        ("EVAL s 0", Never),
        ("EXEC", Never),
        ("PUBLISH c m", Never),
        ("CONFIG GET x", Reads),
        ("CONFIG SET x y", Never),
        ("FLUSHALL", Never),
    ] {
        let words = words(text);
        assert_eq!(row(&words).repeat_of(&words), repeat, "{text}");
    }
}

#[test]
fn a_command_says_for_how_long_it_blocks() {
    let seconds = |time| Dispatch::Exclusive(Some(Duration::from_secs(time)));
    let millis = |time| Some(Duration::from_millis(time));
    for (text, dispatch) in [
        ("BLPOP a b 5", seconds(5)),
        ("BLPOP a 0", Dispatch::Exclusive(None)),
        ("BLPOP a 1e300", Dispatch::Exclusive(None)),
        ("BLPOP a nonsense", Dispatch::Exclusive(millis(0))),
        ("BLPOP", Dispatch::Exclusive(millis(0))),
        ("BLMPOP 5 1 k LEFT", seconds(5)),
        ("BZMPOP 0.25 1 k MIN", Dispatch::Exclusive(millis(250))),
        (
            "XREAD BLOCK 250 STREAMS s 0",
            Dispatch::Exclusive(millis(250)),
        ),
        (
            "XREAD COUNT 1 block 0 STREAMS s 0",
            Dispatch::Exclusive(None),
        ),
        ("XREAD STREAMS BLOCK 0", Dispatch::Shared),
        ("XREADGROUP GROUP BLOCK BLOCK STREAMS s >", Dispatch::Shared),
        ("XREADGROUP GROUP g c BLOCK", Dispatch::Exclusive(millis(0))),
        ("WAIT 1 100", Dispatch::Behind(millis(100))),
        ("WAIT 1 0", Dispatch::Behind(None)),
        ("WAITAOF 1 1 9", Dispatch::Behind(millis(9))),
        ("CLIENT ID", Dispatch::Shared),
        ("TOPK.INCRBY k a 1 b 100000 c 0 d 99999", Dispatch::Shared),
        ("TOPK.INCRBY k a", Dispatch::Shared),
        ("client reply OFF", Dispatch::Refused(RefusalReason::State)),
        ("CLIENT", Dispatch::Shared),
        ("SUBSCRIBE c", Dispatch::Refused(RefusalReason::Stream)),
        (
            "TOPK.INCRBY k a 1 b 100001 c 1",
            Dispatch::Refused(RefusalReason::Increment),
        ),
        (
            "TOPK.INCRBY k a 007 b 1",
            Dispatch::Refused(RefusalReason::Increment),
        ),
        (
            "TOPK.INCRBY k a 1 b -1",
            Dispatch::Refused(RefusalReason::Increment),
        ),
        (
            "topk.incrby k a +1 b 1",
            Dispatch::Refused(RefusalReason::Increment),
        ),
        (
            "TOPK.INCRBY k a _ b 1",
            Dispatch::Refused(RefusalReason::Increment),
        ),
    ] {
        let words = words(text);
        assert_eq!(
            find(words.0[0].as_bytes()).dispatch_of(&words),
            dispatch,
            "{text}"
        );
    }
}

#[test]
fn a_time_that_has_an_end_is_never_written_as_for_ever() {
    for (nanos, seconds, millis) in [
        (0, "0.001", "1"),
        (1, "0.001", "1"),
        (999_999, "0.001", "1"),
        (1_000_001, "0.002", "2"),
        (59_999_999_999, "60.000", "60000"),
    ] {
        let time = Duration::from_nanos(nanos);
        assert_eq!(Unit::Seconds.write(time), seconds);
        assert_eq!(Unit::Millis.write(time), millis);
    }
}

fn places(text: &'static str) -> Vec<usize> {
    let words = words(text);
    row(&words).keys_of(&words).unwrap().places().collect()
}

#[test]
fn a_command_with_too_few_arguments_or_a_hostile_count_has_no_keys() {
    for text in [
        "GET",
        "MGET",
        "EVAL s",
        "EVAL s 2 a",
        "EVAL s -1 a",
        "EVAL s 18446744073709551615 a",
        "ZUNIONSTORE d 9223372036854775807 a",
        "MSETEX 18446744073709551615 a b",
        "XREAD STREAMS",
        "XREAD COUNT 1",
        "BLPOP a",
        "MIGRATE host 1",
        "OBJECT ENCODING",
    ] {
        // The destination is there all the same.
        let found = places(text);
        let expected: &[usize] = if text.starts_with("ZUNIONSTORE") {
            &[1]
        } else {
            &[]
        };
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn channels_are_routed_like_keys_and_are_none() {
    for text in ["SPUBLISH c m", "SSUBSCRIBE c"] {
        let words = words(text);
        let keys = row(&words).keys_of(&words).unwrap();
        assert_eq!(keys.places().count(), 0, "{text}");
        let span = Span {
            first: 1,
            last: 1,
            step: 1,
            is_channel: true,
        };
        assert_eq!(keys.spans().collect::<Vec<_>>(), [&span], "{text}");
    }
    assert!(places("PUBLISH c m").is_empty());
}
