//! Short elements for wide types: what a server sends decides how many there are, and not how much memory they take.

use hitless::{FromValue, Value};

/// 128 KiB, of which so many elements as below would be half a terabyte: no system gives that, and a program that asks
/// for it is ended.
type Wide = [u8; 1 << 17];
type WideRow = [u64; 1 << 14];

const MANY: usize = 4_000_000;

#[test]
fn room_is_made_for_what_came_and_not_for_what_it_is_to_become() {
    let short = Value::array(vec![Value::Int(1); MANY]);
    let error = Vec::<Wide>::from_value(short).unwrap_err();
    assert!(error.to_string().starts_with("element 0: "), "{error}");

    // The first one fits, and the others do not.
    let mut elements = vec![Value::Okay; MANY];
    elements[0] = Value::Bulk(vec![7; 1 << 17]);
    let error = Vec::<Wide>::from_value(Value::array(elements)).unwrap_err();
    assert!(error.to_string().starts_with("element 1: "), "{error}");
}

#[test]
fn room_is_made_for_the_rows_that_came() {
    let mut rows = vec![Value::array(vec![]); MANY];
    rows[0] = Value::array(vec![Value::Int(7); 1 << 14]);
    let error = Vec::<WideRow>::from_value(Value::array(rows)).unwrap_err();
    assert!(error.to_string().starts_with("element 1: "), "{error}");
}

#[test]
fn all_that_fit_come_however_wide_they_are() {
    let elements = vec![Value::Bulk(vec![7; 1 << 17]); 20];
    let list = Vec::<Wide>::from_value(Value::array(elements)).unwrap();
    assert!(list.len() == 20 && list.iter().all(|wide| *wide == [7; 1 << 17]));
}
