//! Values nested deeper than any stack, on a thread with 64 KiB.

use crate::support::{bulk, simple};
use hitless::unstable::encode;
use hitless::{Attributed, Items, Pairs, Protocol, Value};

/// What the stack could not hold at one byte for each level.
const LEVELS: usize = 100_000;
const MILLION: usize = 1_000_000;
const STACK: usize = 64 << 10;

/// Runs a test on a small stack; an overflow kills the whole test process.
fn on_a_small_stack<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(STACK);
    thread.spawn(test).unwrap().join().unwrap()
}

fn nested(levels: usize, wrap: impl Fn(Value) -> Value) -> Value {
    (0..levels).fold(Value::Int(1), |inner, _| wrap(inner))
}

type Wrap = fn(Value) -> Value;

/// One way to put a value into another for every place where a value can stand.
fn wraps() -> [(&'static str, Wrap); 6] {
    [
        ("array", |inner| Value::array(vec![inner])),
        ("last of three", |inner| {
            Value::array(vec![bulk("a"), Value::Nil, inner])
        }),
        ("set", |inner| {
            Value::Set(Items::from(vec![inner, bulk("b")]))
        }),
        ("map value", |inner| {
            Value::Map(Pairs::from_iter([(simple("k"), inner)]))
        }),
        ("map key", |inner| {
            Value::Map(Pairs::from_iter([(inner, simple("v"))]))
        }),
        ("attributed", |inner| {
            let attributes = Pairs::from_iter([(simple("a"), Value::Nil)]);
            Value::Attributed(Attributed::new(attributes, inner))
        }),
    ]
}

#[test]
fn a_value_nested_deeper_than_the_stack_is_dropped_on_a_small_stack() {
    for (_, wrap) in wraps() {
        on_a_small_stack(move || drop(nested(LEVELS, wrap)));
    }
}

#[test]
fn attributes_nested_deeper_than_the_stack_are_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        drop(nested(LEVELS, |inner| {
            let attributes = Pairs::from_iter([(inner, Value::Nil)]);
            Value::Attributed(Attributed::new(attributes, Value::Okay))
        }));
    });
}

#[test]
fn a_value_nested_deeper_than_the_stack_is_cloned_and_compared_on_a_small_stack() {
    for (name, wrap) in wraps() {
        on_a_small_stack(move || {
            let value = nested(LEVELS, wrap);
            let copy = value.clone();
            assert!(value == copy, "{name}");
            drop(value);
            let shallower = nested(LEVELS - 1, wrap);
            assert!(shallower != copy, "{name}");
        });
    }
}

#[test]
fn a_value_nested_deeper_than_the_stack_is_printed_on_a_small_stack() {
    for (name, wrap) in wraps() {
        let text = on_a_small_stack(move || format!("{:?}", nested(LEVELS, wrap)));
        assert!(text.len() > 2 * LEVELS, "{name}");
        assert_eq!(text.matches("Int(1)").count(), 1, "{name}");
    }
}

#[test]
fn a_value_nested_deeper_than_the_stack_is_encoded_on_a_small_stack() {
    for (name, wrap) in wraps() {
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let bytes = on_a_small_stack(move || {
                let mut out = Vec::new();
                encode::value(&mut out, &nested(LEVELS, wrap), protocol);
                out
            });
            let attributes = name == "attributed" && protocol == Protocol::Resp2;
            assert_eq!(bytes.len() > LEVELS, !attributes, "{name}");
        }
    }
}

#[test]
fn a_reply_behind_very_many_attributes_is_found_on_a_small_stack() {
    on_a_small_stack(|| {
        let attributed = |inner| Value::Attributed(Attributed::new(Pairs::default(), inner));
        let value = nested(LEVELS, attributed);
        assert_eq!(value.as_int(), Some(1));
        assert!(value.into_plain() == Value::Int(1));
    });
}

#[test]
fn parts_taken_out_of_a_deep_value_leave_the_rest_to_be_dropped() {
    on_a_small_stack(|| {
        let deep = || nested(LEVELS, |inner| Value::array(vec![inner]));
        let mut elements = Items::from(vec![deep(), deep(), Value::Int(7)]).into_iter();
        drop(elements.next());
        drop(elements);
        let pairs = Pairs::from_iter([(deep(), deep()), (Value::Nil, deep())]);
        let mut pairs = pairs.into_iter();
        assert!(pairs.next().is_some());
        drop(pairs);
        let attributed = Attributed::new(Pairs::from_iter([(deep(), deep())]), deep());
        let (attributes, reply) = attributed.into_parts();
        drop(reply);
        drop(attributes);
    });
}

#[test]
fn a_value_nested_a_million_deep_is_cloned_compared_printed_and_dropped() {
    on_a_small_stack(|| {
        let value = nested(MILLION, |inner| Value::array(vec![inner]));
        let copy = value.clone();
        assert!(value == copy);
        drop(value);
        assert_eq!(format!("{copy:?}").len(), 2 * MILLION + "Int(1)".len());
    });
}

#[test]
fn a_wide_value_of_deep_values_is_dropped_cloned_and_compared() {
    on_a_small_stack(|| {
        let deep = |_| nested(1_000, |inner| Value::array(vec![Value::Okay, inner]));
        let wide = Value::array((0..300).map(deep).collect::<Items>());
        let copy = wide.clone();
        assert!(wide == copy);
    });
}
