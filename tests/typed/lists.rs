//! Lists, and waiting for their elements.

use crate::trial::{Form, Trial, everywhere};
use hitless::{Commands, Direction, LposOptions, Result};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const RAW: &[u8] = b"\x00\xff\r\n";

#[test]
fn lists() {
    everywhere("lists", |t| {
        ends(t);
        moves(t);
        places(t);
        losses(t);
    });
}

fn ends(t: &Trial) {
    says!(t, lpush_exists(RAW, "a") => 0);
    says!(t, rpush_exists(RAW, "a") => 0);
    says!(t, llen(RAW) => 0);
    says!(t, lpush(RAW, [RAW, b"\xfe"]) => 2);
    says!(t, rpush(RAW, ["c", "d"]) => 4);
    says!(t, lpush_exists(RAW, "a") => 5);
    says!(t, rpush_exists(RAW, ["e", "f"]) => 7);
    says!(t, llen(RAW) => 7);
    says!(t, lrange(RAW, 1, 2) => vec![b"\xfe".to_vec(), RAW.to_vec()]);
    says!(t, lrange("none", 0, -1) => Vec::<String>::new());
    says!(t, lindex(RAW, 2) => RAW.to_vec());
    says!(t, lindex(RAW, -1) => 'f');
    says!(t, lindex(RAW, 9) => None::<String>);
    says!(t, lpop(RAW) => Some('a'));
    says!(t, rpop(RAW) => Some('f'));
    says!(t, lpop_multiple(RAW, 2) => vec![b"\xfe".to_vec(), RAW.to_vec()]);
    says!(t, rpop_multiple(RAW, 9) => vec!['e', 'd', 'c']);
    says!(t, lpop(RAW) => None::<String>);
    says!(t, rpop(RAW) => None::<String>);
    says!(t, lpop_multiple(RAW, 9) => Vec::<String>::new());
    says!(t, rpop_multiple(RAW, 9) => Vec::<String>::new());
    t.client.set("text", 1).unwrap();
    refuses!(t, lpop("text") as Option<String>, "WRONGTYPE");
}

fn moves(t: &Trial) {
    use Direction::{Left, Right};
    t.client.rpush("from", [RAW, b"b", b"c", b"d"]).unwrap();
    says!(t, lmove("from", "to", Left, Right) => Some(RAW.to_vec()));
    says!(t, lmove("from", "to", Right, Left) => Some('d'));
    says!(t, lmove("none", "to", Left, Left) => None::<String>);
    says!(t, rpoplpush("from", "to") => Some('c'));
    says!(t, rpoplpush("none", "to") => None::<String>);
    says!(t, lmpop(["none", "to"], Left, 2) => Some(("to".to_owned(), vec!['c', 'd'])));
    says!(t, lmpop(["none", "to"], Right, 2) => Some(((), vec![RAW.to_vec()])));
    says!(t, lmpop(["none", "to"], Left, 2) => None::<(String, Vec<String>)>);
}

fn places(t: &Trial) {
    let options = LposOptions::new;
    t.client.rpush("l", [b"a", RAW, b"c", RAW]).unwrap();
    says!(t, lpos("l", RAW) => Some(1));
    says!(t, lpos("l", "none") => None);
    says!(t, lpos_options("l", RAW, &options().rank(-1)) => Some(3));
    says!(t, lpos_options("l", RAW, &options().max_len(1)) => None);
    says!(t, lpos_multiple("l", RAW, 0, &options()) => vec![1, 3]);
    says!(t, lpos_multiple("l", RAW, 1, &options().rank(2)) => vec![3]);
    says!(t, lpos_multiple("none", RAW, 1, &options()) => vec![]);
    refuses!(
        t,
        lpos_options("l", RAW, &options().rank(0)) as Option<u64>,
        "ERR"
    );
    says!(t, linsert_before("l", RAW, "x") => 5);
    says!(t, linsert_after("l", RAW, "y") => 6);
    says!(t, linsert_after("l", "none", "y") => -1);
    says!(t, linsert_before("none", "none", "y") => 0);
    says!(t, lset("l", 0, b"\xfe") => ());
    refuses!(t, lset("l", 9, "z") as (), "ERR");
    says!(t, lrem("l", -1, RAW) => 1);
    let left = [b"\xfe", b"x".as_slice(), RAW, b"y", b"c"].map(<[u8]>::to_vec);
    says!(t, lrange("l", 0, -1) => left.to_vec());
    says!(t, ltrim("l", 1, -3) => ());
    says!(t, lrange("l", 0, -1) => left[1..3].to_vec());
}

/// What was taken and does not fit comes back.
fn losses(t: &Trial) {
    t.client.rpush("words", ["one", "two", "three"]).unwrap();
    let taken: Result<Option<i64>> = got!(t, lpop("words"));
    assert_eq!(taken.unwrap_err().reply().unwrap().as_str(), Some("one"));
    let taken: Result<Vec<i64>> = got!(t, rpop_multiple("words", 1));
    let error = taken.unwrap_err();
    assert_eq!(
        error.reply().unwrap().as_items().unwrap()[0].as_str(),
        Some("three")
    );
    let taken: Result<Option<(String, Vec<i64>)>> = got!(t, lmpop("words", Direction::Left, 1));
    assert!(taken.unwrap_err().reply().is_some());
}

#[test]
fn blocking() {
    everywhere("blocking_lists", |t| {
        // The forms differ in pipelines only, which these commands do not have.
        if t.form != Form::Alone {
            return;
        }
        use Direction::{Left, Right};
        t.client
            .rpush(RAW, [RAW, b"b", b"c", b"d", b"e", b"f"])
            .unwrap();
        let keys = [b"none", RAW];
        says_alone!(t, blpop(keys, HOUR) => Some((RAW.to_vec(), RAW.to_vec())));
        says_alone!(t, brpop(keys, HOUR) => Some(((), 'f')));
        says_alone!(t, blmpop(keys, Left, 2, HOUR) => Some((RAW.to_vec(), vec!['b', 'c'])));
        says_alone!(t, blmove(RAW, "to", Right, Left, HOUR) => Some('e'));
        says_alone!(t, brpoplpush(RAW, "to", HOUR) => Some('d'));
        // Any time but zero has an end.
        let shortest = Duration::from_nanos(1);
        says_alone!(t, blpop(keys, shortest) => None::<((), ())>);
        says_alone!(t, brpop(keys, shortest) => None::<((), ())>);
        says_alone!(t, blmpop(keys, Left, 2, shortest) => None::<((), ())>);
        says_alone!(t, blmove(RAW, "to", Right, Left, shortest) => None::<()>);
        says_alone!(t, brpoplpush(RAW, "to", shortest) => None::<()>);
        let taken = t.client.blpop::<(), i64>("to", HOUR).unwrap_err();
        assert!(taken.reply().is_some());
    });
}
