//! Types of serde as values and as hashes.

use crate::common::redis::{Redis, Version};
use crate::trial::{Form, Trial, on};
use hitless::{Commands, Delivery, ErrorKind, Fields, FromValue, Json, Value, cmd, pipe};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct User {
    name: String,
    logins: u32,
    is_admin: bool,
    score: f64,
    email: Option<String>,
    initial: char,
    kind: Kind,
    tags: Vec<String>,
    address: Option<Address>,
    limits: BTreeMap<String, i64>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Address {
    city: String,
    number: u16,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
enum Kind {
    #[default]
    Plain,
    Paid {
        cents: u32,
    },
}

/// Bytes as serde has them, which most types leave aside.
#[derive(Clone, Debug, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

fn ada() -> User {
    User {
        name: "Ada \u{e9} \"\r\n".to_owned(),
        logins: 3,
        is_admin: true,
        score: 0.5,
        initial: 'A',
        kind: Kind::Paid { cents: 5 },
        tags: vec!["a".to_owned(), "b".to_owned()],
        address: Some(Address {
            city: "London".to_owned(),
            number: 7,
        }),
        limits: BTreeMap::from([("daily".to_owned(), -1)]),
        email: None,
    }
}

fn everywhere(claims: impl Fn(&Trial)) {
    for version in Version::ALL {
        on(version, &Redis::of(version, &[]), &claims);
    }
}

#[test]
fn a_value_of_any_type_is_json() {
    everywhere(|t| {
        says!(t, get("user") => None::<Json<User>>);
        says!(t, set("user", Json(&ada())) => ());
        says!(t, get("user") => Some(Json(ada())));
        says!(t, set(b"\xff", Json([1, 2])) => ());
        says!(t, mset([("one", Json(1)), ("two", Json(2))]) => ());
        says!(t, mget(["one", "none", "two"]) => vec![Some(Json(1)), None, Some(Json(2))]);
        says!(t, hset("hash", "ada", Json(Some(ada()))) => true);
        says!(t, hget("hash", "ada") => Json(ada()));
        says!(t, incr("one") => 2);
        says!(t, get("one") => Json(2));
    });
}

#[test]
fn a_struct_is_a_hash() {
    everywhere(|t| {
        says!(t, hgetall("user") => None::<Fields<User>>);
        says!(t, hset_multiple("user", Fields(&ada())) => 9);
        says!(t, hgetall("user") => Some(Fields(ada())));
        says!(t, hget("user", "name") => ada().name);
        says!(t, hget("user", "is_admin") => true);
        says!(t, hget("user", "score") => 0.5);
        says!(t, hget("user", "tags") => Json(ada().tags));
        says!(t, hget("user", "email") => None::<String>);
        says!(t, hget("user", "kind") => "{\"Paid\":{\"cents\":5}}".to_owned());
        // What it does not have is ignored; an option that is there is read.
        says!(t, hset("user", b"\xff", b"\xfe") => true);
        says!(t, hset("user", "email", "ada@example.org") => true);
        says!(t, hset("user", "kind", "Plain") => false);
        says!(t, hset("user", "is_admin", "false") => false);
        let changed = User {
            email: Some("ada@example.org".to_owned()),
            kind: Kind::Plain,
            is_admin: false,
            ..ada()
        };
        says!(t, hgetall("user") => Fields(changed));
        // Any map is one too, and its values may be any bytes.
        let map = BTreeMap::from([
            ("a".to_owned(), Bytes(vec![0xff, 0])),
            ("b".to_owned(), Bytes(vec![])),
        ]);
        says!(t, hset_multiple(b"\xfe", Fields(&map)) => 2);
        says!(t, hget(b"\xfe", "a") => vec![0xff_u8, 0]);
        says!(t, hgetall(b"\xfe") => Fields(map));
    });
}

fn error_of<T: FromValue + std::fmt::Debug>(value: Value) -> String {
    let error = T::from_value(value).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conversion, "{error}");
    // What stood there is in the reply, and nowhere else.
    for shown in [
        error.to_string(),
        format!("{:?}", std::error::Error::source(&error)),
    ] {
        assert!(!shown.contains("secret"), "{shown}");
    }
    error.to_string()
}

#[test]
fn an_error_names_the_field_and_the_place_and_not_the_value() {
    let json = |text: &str| Value::bulk(text);
    for (text, expected) in [
        (
            "{\"city\":\"secret\",\"number\":\"secret\"}",
            "number: expected u16 at line 1 column 34",
        ),
        (
            "{\"city\":\"secret\"}",
            "missing field `number` at line 1 column 17",
        ),
        (
            "{\"city\":\"secret",
            "city: EOF while parsing a string at line 1 column 15",
        ),
        (
            "{\"city\":\"secret\",\"number\":1} secret",
            "trailing characters at line 1 column 30",
        ),
    ] {
        let shown = error_of::<Json<Address>>(json(text));
        let expected = format!("a text cannot become the type by JSON: {expected}");
        assert_eq!(shown, expected);
    }
    let nil = error_of::<Json<Address>>(Value::Nil);
    assert_eq!(nil, "nil cannot become JSON; an Option<..> holds it");
    let element = error_of::<Vec<Json<u8>>>(Value::array(vec![json("1"), json("\"secret\"")]));
    assert_eq!(
        element,
        "element 1: a text cannot become the type by JSON: expected u8 at line 1 column 8"
    );
    let kept = Json::<u8>::from_value(Value::bulk(b"\xff")).unwrap_err();
    assert_eq!(kept.reply(), Some(&Value::bulk(b"\xff")));

    let hash = |pairs: &[(&str, &[u8])]| {
        let flat = pairs
            .iter()
            .flat_map(|(name, value)| [Value::bulk(name), Value::bulk(value)]);
        Value::array(flat.collect::<Vec<_>>())
    };
    assert_eq!(
        error_of::<Fields<Address>>(hash(&[("city", b"secret"), ("number", b"secret")])),
        "field number: expected u16"
    );
    assert_eq!(
        error_of::<Fields<Address>>(hash(&[("city", b"\xff"), ("number", b"1")])),
        "field city: expected a string, in UTF-8"
    );
    assert_eq!(
        error_of::<Fields<Address>>(hash(&[("city", b"secret")])),
        "missing field `number`"
    );
    let nested = error_of::<Fields<HashMap<String, Address>>>(hash(&[(
        "home",
        b"{\"city\":\"secret\",\"number\":70000}",
    )]));
    assert_eq!(
        nested,
        "field home: number: expected u16 at line 1 column 32"
    );
    let kind = error_of::<Fields<HashMap<String, Kind>>>(hash(&[("kind", b"secret")]));
    assert_eq!(kind, "field kind: expected `Plain` or `Paid`");
}

#[derive(Serialize)]
struct Unwritable {
    name: &'static str,
    grid: HashMap<(u8, u8), u8>,
}

/// What takes no room in a program.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Marked {
    id: u64,
    of: std::marker::PhantomData<Kind>,
    unit: (),
    flag: Option<()>,
    off: Option<()>,
}

#[test]
fn a_field_without_a_value_is_read_as_it_was_written() {
    everywhere(|t| {
        let marked = Marked {
            id: 7,
            flag: Some(()),
            ..Marked::default()
        };
        t.client.hset_multiple("marked", Fields(&marked)).unwrap();
        let back: Fields<Marked> = t.client.hgetall("marked").unwrap();
        assert_eq!(back.0, marked);
    });
}

#[test]
fn what_cannot_be_written_is_not_sent() {
    let redis = Redis::start();
    on(Version::Redis70, &redis, |t| {
        let bad = Unwritable {
            name: "secret",
            grid: HashMap::from([((1, 2), 3)]),
        };
        let why = "argument 2: it cannot be JSON: grid: key must be a string";
        let name = "SET";
        let error = match t.form {
            Form::Alone => t.client.set("key", Json(&bad)).unwrap_err(),
            _ => {
                let mut pipeline = t.pipeline();
                pipeline.set("before", 1).set("key", Json(&bad)).get("key");
                let mut results = pipeline.run(&t.client);
                let other = results.remove(0).unwrap_err().to_string();
                assert!(other.contains("SET at index 1"), "{other}");
                assert!(results.remove(1).is_err());
                results.remove(0).unwrap_err()
            }
        };
        let shown = error.to_string();
        assert!(shown.contains(&format!("not sent: {why}")), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(error.command(), Some(name));
        assert_eq!(*error.kind(), ErrorKind::Usage);
        assert_eq!(error.delivery(), Delivery::NotSent);
        let error = t
            .client
            .hset_multiple("key", Fields(&bad))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("field grid: it cannot be JSON: key must be a string"),
            "{error}"
        );
        let error = t
            .client
            .hset_multiple("key", Fields(7))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("only a struct or a map has fields"),
            "{error}"
        );
        // Step by step, and many.
        let all = cmd("MSET")
            .args([("a", Json(&bad)), ("b", Json(&bad))])
            .arg("c")
            .arg(1);
        assert!(all.exec(&t.client).unwrap_err().to_string().contains(why));
        assert_eq!(pipe().add(&all).run(&t.client).len(), 1);
        let there: i64 = t.client.query(&cmd("DBSIZE")).unwrap();
        assert_eq!(there, 0);
    });
}
