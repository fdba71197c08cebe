//! Every type that can be arguments, as the server saw it.
#![allow(
    clippy::needless_borrows_for_generic_args,
    reason = "references are arguments too"
)]

use super::everywhere;
use hitless::{Client, Commands, ToArgs, cmd};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::num::{NonZeroI16, NonZeroU8, NonZeroU128};
use std::rc::Rc;
use std::sync::Arc;

/// The arguments that the server received.
fn seen(client: &Client, arguments: impl ToArgs) -> Vec<Vec<u8>> {
    client.eval("return ARGV", (), arguments).unwrap()
}

#[track_caller]
fn are<const N: usize>(client: &Client, arguments: impl ToArgs, expected: [&str; N]) {
    let seen = seen(client, arguments);
    let seen: Vec<_> = seen
        .iter()
        .map(|bytes| String::from_utf8_lossy(bytes))
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn single_values_are_one_argument() {
    everywhere(|client| {
        are(client, "text", ["text"]);
        are(client, String::from("text"), ["text"]);
        are(client, &&"text", ["text"]);
        are(client, Box::<str>::from("text"), ["text"]);
        are(client, Rc::<str>::from("text"), ["text"]);
        are(client, Arc::<str>::from("text"), ["text"]);
        are(client, Cow::Borrowed("text"), ["text"]);
        are(client, 'x', ["x"]);
        are(client, '\u{e9}', ["\u{e9}"]);
        are(client, true, ["1"]);
        are(client, false, ["0"]);
        are(client, 7_u8, ["7"]);
        are(client, i8::MIN, ["-128"]);
        are(client, u128::MAX, [&u128::MAX.to_string()]);
        are(client, 1.5_f32, ["1.5"]);
        are(client, f64::NEG_INFINITY, ["-inf"]);
        are(client, NonZeroU8::MAX, ["255"]);
        are(client, NonZeroI16::MIN, ["-32768"]);
        are(client, NonZeroU128::MIN, ["1"]);
        are(client, &mut 5, ["5"]);
    });
}

#[test]
fn bytes_are_one_argument_in_every_form() {
    everywhere(|client| {
        let bytes: Vec<u8> = (0..=255).collect();
        let array: [u8; 256] = bytes.as_slice().try_into().unwrap();
        let one = vec![bytes.clone()];
        assert_eq!(seen(client, &bytes), one);
        assert_eq!(seen(client, bytes.as_slice()), one);
        assert_eq!(seen(client, array), one);
        assert_eq!(seen(client, &array), one);
        assert_eq!(seen(client, b"\xff"), [[0xff]]);
        assert_eq!(seen(client, Box::<[u8]>::from(bytes.as_slice())), one);
        assert_eq!(seen(client, Rc::<[u8]>::from(bytes.as_slice())), one);
        assert_eq!(seen(client, Arc::<[u8]>::from(bytes.as_slice())), one);
        assert_eq!(seen(client, Cow::Borrowed(bytes.as_slice())), one);
        let none: [u8; 0] = [];
        assert_eq!(seen(client, none), [b""]);
        assert_eq!(
            seen(client, vec![bytes.clone(), vec![]]),
            [bytes.clone(), vec![]]
        );
        assert_eq!(seen(client, [[1_u8, 2], [3, 4]]), [[1, 2], [3, 4]]);
    });
}

#[test]
fn many_values_are_as_many_arguments() {
    everywhere(|client| {
        are(client, (), []);
        are(client, None::<i64>, []);
        are(client, Some("x"), ["x"]);
        are(client, ["a", "b"], ["a", "b"]);
        are(client, vec![1, 2], ["1", "2"]);
        are(client, &[true, false][..], ["1", "0"]);
        are(client, VecDeque::from(['a', 'b']), ["a", "b"]);
        are(client, BTreeSet::from([2_u8, 1]), ["1", "2"]);
        are(client, HashSet::from(["a"]), ["a"]);
        are(
            client,
            BTreeMap::from([("b", 2), ("a", 1)]),
            ["a", "1", "b", "2"],
        );
        are(
            client,
            HashMap::from([(b"k", Arc::<str>::from("v"))]),
            ["k", "v"],
        );
        are(client, [("a", 1), ("b", 2)], ["a", "1", "b", "2"]);
        are(client, vec![Some(1), None], ["1"]);
        are(client, Arc::<[i64]>::from([1, 2]), ["1", "2"]);
        are(client, ("a",), ["a"]);
        are(
            client,
            ("a", 1, 'c', true, b"e", 0.5, 7_u8, String::from("h")),
            ["a", "1", "c", "1", "e", "0.5", "7", "h"],
        );
    });
}

#[test]
fn iterators_are_their_items() {
    everywhere(|client| {
        let ids = [3, 4];
        let keys = ids.iter().map(|id| format!("user:{id}"));
        are(client, keys.clone(), ["user:3", "user:4"]);
        are(client, &keys, ["user:3", "user:4"]);
        are(client, 0..3, ["0", "1", "2"]);
        are(client, (1..=2).rev(), ["2", "1"]);
        are(client, ids.iter().zip(["a", "b"]), ["3", "a", "4", "b"]);
        are(client, "a b".split_whitespace(), ["a", "b"]);
        are(client, ids.into_iter().filter(|id| *id > 3), ["4"]);
        are(client, "xyz".chars().enumerate().skip(2), ["2", "z"]);
        are(
            client,
            ids.iter().copied().chain(vec![5]).take(3),
            ["3", "4", "5"],
        );
        let map = BTreeMap::from([("a", 1), ("b", 2)]);
        are(client, map.keys(), ["a", "b"]);
        are(client, map.iter(), ["a", "1", "b", "2"]);
        are(client, std::iter::repeat_n("x", 2), ["x", "x"]);
        are(
            client,
            ids.iter().flat_map(|id| [*id, -id]),
            ["3", "-3", "4", "-4"],
        );
        client
            .mset(ids.iter().map(|id| (format!("user:{id}"), id)))
            .unwrap();
        assert_eq!(client.mget::<Vec<i64>>(keys.clone()).unwrap(), ids);
        assert_eq!(client.del(keys).unwrap(), 2);
    });
}

#[test]
fn keys_of_a_script_are_counted_as_they_are_written() {
    everywhere(|client| {
        let script = "return {#KEYS, #ARGV}";
        let count = |counts: (i64, i64)| counts;
        assert_eq!(count(client.eval(script, (), ()).unwrap()), (0, 0));
        assert_eq!(count(client.eval(script, "k", Some(1)).unwrap()), (1, 1));
        assert_eq!(
            count(client.eval(script, [("a", 1)], 0..3).unwrap()),
            (2, 3)
        );
        let mut steps = cmd("EVAL").arg(script).arg(0);
        for number in 0..3 {
            steps.add_arg(number);
        }
        steps.add_args(None::<i64>).add_args(("x", 1));
        assert_eq!(count(steps.query(client).unwrap()), (0, 5));
    });
}
