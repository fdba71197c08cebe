//! Reading values.

use crate::support::{array, bulk, pairs, set, simple};
use hitless::{Attributed, Items, Pairs, ServerError, Value};

fn attributed(value: Value) -> Value {
    Value::Attributed(Attributed::new(pairs([(simple("a"), bulk("b"))]), value))
}

fn verbatim(text: &str) -> Value {
    Value::Verbatim {
        format: *b"txt",
        text: text.into(),
    }
}

/// One value of every kind, and the name of the kind.
fn kinds() -> Vec<(Value, &'static str)> {
    vec![
        (array([]), "array"),
        (attributed(Value::Nil), "attributed"),
        (Value::BigNumber(b"12".to_vec()), "big number"),
        (Value::Bool(true), "boolean"),
        (bulk("x"), "bulk string"),
        (Value::Double(1.5), "double"),
        (Value::error("ERR", "x"), "error"),
        (Value::Int(1), "integer"),
        (Value::Map(pairs([])), "map"),
        (Value::Nil, "nil"),
        (Value::Okay, "simple string"),
        (set([]), "set"),
        (simple("x"), "simple string"),
        (verbatim("x"), "verbatim string"),
    ]
}

#[test]
fn every_kind_has_its_name() {
    for (value, name) in kinds() {
        assert_eq!(value.kind(), name);
    }
}

#[test]
fn strings_of_every_kind_read_as_bytes_and_nothing_else_does() {
    for (value, name) in kinds() {
        let is_string = name.ends_with("string") || name == "big number";
        assert_eq!(value.as_bytes().is_some(), is_string, "{name}");
        assert_eq!(
            attributed(value.clone()).as_bytes(),
            value.as_bytes(),
            "{name}"
        );
        assert_eq!(
            value.clone().into_bytes().ok().as_deref(),
            value.as_bytes(),
            "{name}"
        );
    }
    assert_eq!(Value::Okay.as_str(), Some("OK"));
    assert_eq!(bulk([0xff]).as_str(), None);
    assert_eq!(bulk([0xff]).as_bytes(), Some(&[0xff][..]));
}

#[test]
fn what_does_not_convert_comes_back_as_it_was() {
    for (value, name) in kinds() {
        let plain = value.clone().into_plain();
        match value.clone().into_bytes() {
            Ok(_) => assert!(value.as_bytes().is_some()),
            Err(back) => assert_eq!(back, plain, "{name}"),
        }
        match value.clone().into_items() {
            Ok(_) => assert!(value.as_items().is_some()),
            Err(back) => assert_eq!(back, plain, "{name}"),
        }
        match value.into_pairs() {
            Ok(_) => assert!(matches!(plain, Value::Map(_) | Value::Array(_))),
            Err(back) => assert_eq!(back, plain, "{name}"),
        }
    }
}

#[test]
fn integers_read_as_integers_and_texts_only_when_parsed() {
    assert_eq!(Value::Int(-3).as_int(), Some(-3));
    assert_eq!(attributed(Value::Int(4)).as_int(), Some(4));
    assert_eq!(bulk("5").as_int(), None);
    assert_eq!(bulk("5").parse_int(), Some(5));
    assert_eq!(bulk("-5").parse_int(), Some(-5));
    assert_eq!(bulk("5 ").parse_int(), None);
    assert_eq!(bulk("9223372036854775808").parse_int(), None);
    assert_eq!(Value::Nil.parse_int(), None);
}

#[test]
fn nil_and_okay_are_seen_through_attributes() {
    assert!(Value::Nil.is_nil() && attributed(Value::Nil).is_nil());
    assert!(!bulk("").is_nil() && !array([]).is_nil());
    assert!(Value::Okay.is_okay() && attributed(Value::Okay).is_okay() && bulk("OK").is_okay());
    assert!(!simple("OKAY").is_okay() && !Value::Nil.is_okay());
}

#[test]
fn an_error_is_seen_through_attributes() {
    let error = ServerError::parse(b"WRONGTYPE no");
    assert_eq!(Value::from(error.clone()).as_error(), Some(&error));
    assert_eq!(
        attributed(Value::from(error.clone())).as_error(),
        Some(&error)
    );
    assert_eq!(Value::Okay.as_error(), None);
}

#[test]
fn a_map_reads_in_the_order_it_came() {
    let map = pairs([(bulk("b"), Value::Int(1)), (simple("a"), Value::Int(2))]);
    assert_eq!((map.len(), map.is_empty()), (2, false));
    assert_eq!(map.iter().len(), 2);
    assert_eq!(map.get(b"a"), Some(&Value::Int(2)));
    assert_eq!(map.get(b"c"), None);
    let keys: Vec<_> = map
        .iter()
        .map(|(key, _)| key.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(keys, ["b", "a"]);
    let mut numbers = Vec::new();
    for (_, value) in &map {
        numbers.push(value.as_int());
    }
    assert_eq!(numbers, [Some(1), Some(2)]);
    assert_eq!(map.clone().into_iter().len(), 2);
    let collected: Pairs = map.clone().into_iter().collect();
    assert_eq!(collected, map);
}

#[test]
fn an_array_of_even_length_reads_as_a_map_and_one_of_odd_length_does_not() {
    let flat = array([bulk("k"), Value::Int(1)]);
    assert_eq!(flat.into_pairs(), Ok(pairs([(bulk("k"), Value::Int(1))])));
    let odd = array([bulk("k")]);
    assert_eq!(odd.clone().into_pairs(), Err(odd));
    assert!(Pairs::from_flat(vec![Value::Nil]).is_err());
    let map = Pairs::from_flat(vec![Value::Nil, Value::Okay]).unwrap();
    assert_eq!(&map.into_flat()[..], [Value::Nil, Value::Okay]);
}

#[test]
fn attributes_and_reply_come_apart() {
    let inner = Attributed::new(pairs([(simple("ttl"), Value::Int(3))]), bulk("v"));
    assert_eq!(inner.reply(), &bulk("v"));
    let attributes: Vec<_> = inner.attributes().collect();
    assert_eq!(attributes, [(&simple("ttl"), &Value::Int(3))]);
    assert_eq!(inner.clone().into_reply(), bulk("v"));
    assert_eq!(
        inner.into_parts(),
        (pairs([(simple("ttl"), Value::Int(3))]), bulk("v"))
    );
    assert_eq!(
        attributed(attributed(Value::Int(1))).into_plain(),
        Value::Int(1)
    );
}

#[test]
fn items_read_as_a_slice_and_iterate_both_ways() {
    let items: Items = [Value::Int(1), Value::Int(2)].into_iter().collect();
    assert_eq!(items.len(), 2);
    assert_eq!(items[1], Value::Int(2));
    let by_reference: i64 = (&items).into_iter().filter_map(Value::as_int).sum();
    assert_eq!(by_reference, 3);
    assert_eq!(items.clone().into_vec(), [Value::Int(1), Value::Int(2)]);
    assert_eq!(items.into_iter().count(), 2);
}

#[test]
fn comparison_is_by_kind_and_order_and_content() {
    let kinds = kinds();
    for (left, left_name) in &kinds {
        for (right, right_name) in &kinds {
            let same = std::ptr::eq(left, right);
            assert_eq!(left == right, same, "{left_name} and {right_name}");
        }
    }
    let (one, two) = (Value::Int(1), Value::Int(2));
    assert_ne!(
        array([one.clone(), two.clone()]),
        array([two.clone(), one.clone()])
    );
    assert_ne!(array([one.clone()]), set([one.clone()]));
    assert_ne!(array([array([one.clone()])]), array([set([one.clone()])]));
    assert_ne!(array([array([one.clone()])]), array([array([one, two])]));
    assert_ne!(Value::Double(f64::NAN), Value::Double(f64::NAN));
}

#[test]
fn values_print_their_content_on_one_line() {
    let value = array([
        bulk(b"a\"\r\n\xff"),
        Value::Map(pairs([(simple("k"), set([Value::Nil, Value::Bool(true)]))])),
        attributed(Value::Int(-1)),
        Value::Double(1.0),
        Value::error("ERR", "no"),
        verbatim("t"),
        Value::BigNumber(b"9".to_vec()),
        Value::Okay,
        array([]),
    ]);
    let text = r#"[Bulk("a\"\r\n\xff"), {Simple("k"): Set[Nil, Bool(true)]}, Attributed(Simple("a"): Bulk("b"), Int(-1)), Double(1.0), Error("ERR no"), Verbatim(txt: "t"), BigNumber(9), Okay, []]"#;
    assert_eq!(format!("{value:?}"), text);
    let items = value.into_items().unwrap();
    assert_eq!(format!("{items:?}"), text);
    let map = pairs([(Value::Nil, Value::Okay)]);
    assert_eq!(format!("{map:?}"), "{Nil: Okay}");
    assert_eq!(
        format!("{:?}", Attributed::new(map, Value::Nil)),
        "Attributed(Nil: Okay, Nil)"
    );
}

#[test]
fn a_server_error_without_its_text_keeps_its_code() {
    let error = ServerError::parse(b"WRONGPASS for user x with y").without_text();
    assert_eq!(error.to_string(), "WRONGPASS");
}
