//! JSON documents. Values are texts; keys are any bytes.

use crate::common::redis::Version;
use crate::trial::{Trial, with_modules};
use hitless::{
    Commands, ErrorKind, FromValue as _, Json, JsonGetOptions, JsonMatches, JsonNumbers,
    JsonSetOptions, JsonType, Protocol, Result, Value,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const KEY: &[u8] = b"user\xff\x00";

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct User {
    name: String,
    logins: i64,
}

fn ada() -> User {
    User {
        name: "Ada \"é\"".to_owned(),
        logins: 3,
    }
}

fn all<T>(matches: impl IntoIterator<Item = Option<T>>) -> JsonMatches<T> {
    JsonMatches(matches.into_iter().collect())
}

#[test]
fn json() {
    with_modules("json", &Version::ALL, |t| {
        documents(t);
        many(t);
        numbers(t);
        texts(t);
        arrays(t);
        objects(t);
        taken(t);
    });
}

fn documents(t: &Trial) {
    says!(t, json_get(KEY, "$") => None::<String>);
    says!(t, json_type(KEY, "$") => all([None]));
    says!(t, json_set(KEY, "$", Json(&ada())) => true);
    says!(t, json_get(KEY, ".") => Some(Json(ada())));
    says!(t, json_get(KEY, ()) => Json(ada()));
    says!(t, json_get(KEY, "$") => Json((ada(),)));
    says!(t, json_set(KEY, "$.name", r#""Eve""#) => true);
    says!(t, json_get(KEY, "$.name") => Json(vec!["Eve".to_owned()]));
    says!(t, json_get(KEY, "$.none") => Some("[]".to_owned()));
    refuses!(t, json_get(KEY, ".none") as String, "ERR");
    let places = BTreeMap::from([("$.logins", vec![3]), ("$.none", vec![])]);
    let places = places.into_iter().map(|(path, all)| (path.to_owned(), all));
    let places: BTreeMap<String, Vec<i64>> = places.collect();
    says!(t, json_get(KEY, ["$.logins", "$.none"]) => Json(places));
    let layout = JsonGetOptions::new().indent("\t").newline("\n").space(" ");
    let text = "[\n\t{\n\t\t\"name\": \"Eve\",\n\t\t\"logins\": 3\n\t}\n]";
    says!(t, json_get_options(KEY, "$", &layout) => text.to_owned());

    let (absent, present) = (
        JsonSetOptions::new().if_absent(),
        JsonSetOptions::new().if_present(),
    );
    says!(t, json_set_options(KEY, "$.name", Json("Ada"), &absent) => false);
    says!(t, json_set_options(KEY, "$.name", Json("Ada"), &present) => true);
    says!(t, json_set_options(KEY, "$.new", 1, &present) => false);
    says!(t, json_set_options(KEY, "$.new", 1, &absent) => true);
    // Nothing is on the way there.
    says!(t, json_set(KEY, "$.no.way", 1) => false);
    says!(t, json_merge(KEY, "$.no.way", 1) => false);
    says!(t, json_merge(KEY, "$", r#"{"new":null,"on":true,"in":{"on":false}}"#) => true);
    says!(t, json_type(KEY, "$.on") => all([Some(JsonType::Boolean)]));
    says!(t, json_type(KEY, ".on") => all([Some(JsonType::Boolean)]));
    says!(t, json_type(KEY, "$.new") => all([]));
    says!(t, json_toggle(KEY, "$..on") => all([Some(false), Some(true)]));
    says!(t, json_toggle(KEY, "$.*") => all([None, None, Some(true), None]));
    says!(t, json_toggle(KEY, ".on") => all([Some(false)]));
    says!(t, json_del(KEY, "$..on") => 2);
    says!(t, json_clear(KEY, "$.logins") => 1);
    says!(t, json_get(KEY, ".logins") => 0);
    says!(t, json_del(KEY, "$") => 1);
    says!(t, json_del(KEY, "$") => 0);
    assert_eq!(t.client.exists(KEY).unwrap(), 0);
    refuses!(t, json_set("new", "$.name", 1) as bool, "ERR");
}

fn many(t: &Trial) {
    says!(t, json_mset([("one", "$", Json(ada())), ("two", "$", Json(ada()))]) => ());
    says!(t, json_mset([("one", "$.name", Json("Eve")), ("two", "$.no.way", Json("Eve"))]) => ());
    let names = vec![
        Some(Json(vec!["Eve".to_owned()])),
        None,
        Some(Json(vec![ada().name])),
    ];
    says!(t, json_mget(["one", "none", "two"], "$.name") => names);
    says!(t, json_mget(["one", "none"], ".logins") => vec![Some(3), None]);
    t.client.set("text", "no document").unwrap();
    let got: Result<String> = got!(t, json_get("text", "$"));
    assert!(got.is_err());
}

fn numbers(t: &Trial) {
    let document = r#"{"i":1,"f":1.5,"s":"x","in":{"i":-4}}"#;
    says!(t, json_set("n", "$", document) => true);
    says!(t, json_num_incr_by("n", "$..i", 2) => JsonNumbers(vec![Some(3_i64), Some(-2)]));
    says!(t, json_num_incr_by("n", "$.*", 1) => JsonNumbers(vec![Some(4.0), Some(2.5), None, None]));
    says!(t, json_num_incr_by("n", ".i", 1) => JsonNumbers(vec![Some(5_u8)]));
    says!(t, json_num_incr_by("n", "$.none", 1) => JsonNumbers(Vec::<Option<i64>>::new()));
    says!(t, json_num_mult_by("n", "$.i", 1.5) => JsonNumbers(vec![Some(7.5)]));
    // A fraction that is zero is one all the same, and the number is whole.
    says!(t, json_num_mult_by("n", ".i", 2) => JsonNumbers(vec![Some(15_i64)]));
    let great = i64::MAX - 1;
    says!(t, json_set("n", "$.great", great) => true);
    says!(t, json_num_incr_by("n", "$.great", 1) => JsonNumbers(vec![Some(i64::MAX)]));
    refuses!(
        t,
        json_num_incr_by("none", "$", 1) as JsonNumbers<i64>,
        "ERR"
    );
}

fn texts(t: &Trial) {
    says!(t, json_set("t", "$", r#"{"a":"é","b":1}"#) => true);
    says!(t, json_str_len("t", "$.*") => all([Some(2), None]));
    says!(t, json_str_len("t", ".a") => all([Some(2)]));
    says!(t, json_str_len("none", ".a") => all([None]));
    says!(t, json_str_append("t", "$.*", Json("\u{0}!")) => all([Some(4), None]));
    says!(t, json_str_append("t", ".a", r#""?""#) => all([Some(5)]));
    says!(t, json_get("t", ".a") => Json("é\u{0}!?".to_owned()));
    refuses!(t, json_str_len("t", ".b") as JsonMatches<u64>, "WRONGTYPE");
}

fn arrays(t: &Trial) {
    says!(t, json_set("a", "$", r#"{"a":[1],"b":1}"#) => true);
    says!(t, json_arr_append("a", "$.*", (2, Json("x"))) => all([Some(3), None]));
    says!(t, json_arr_append("a", ".a", Json(vec![1, 2])) => all([Some(4)]));
    says!(t, json_arr_index("a", "$.*", Json("x")) => all([Some(2), None]));
    says!(t, json_arr_index("a", ".a", Json([1, 2])) => all([Some(3)]));
    says!(t, json_arr_index("a", "$.a", 7) => all([Some(-1)]));
    says!(t, json_arr_index_ss("a", "$.a", 1, 1, 0) => all([Some(-1)]));
    says!(t, json_arr_index_ss("a", "$.a", 2, 1, 2) => all([Some(1)]));
    says!(t, json_arr_insert("a", "$.a", 0, [8, 9]) => all([Some(6)]));
    says!(t, json_arr_insert("a", ".a", -1, 7) => all([Some(7)]));
    says!(t, json_arr_len("a", "$.*") => all([Some(7), None]));
    says!(t, json_arr_len("a", ".a") => all([Some(7)]));
    says!(t, json_arr_trim("a", "$.*", 1, -2) => all([Some(5), None]));
    says!(t, json_arr_trim("a", ".a", 1, 3) => all([Some(3)]));
    says!(t, json_get("a", ".a") => Json((1, 2, "x".to_owned())));
    says!(t, json_arr_pop("a", "$.*", -1) => all([Some("\"x\"".to_owned()), None]));
    says!(t, json_arr_pop("a", ".a", 0) => all([Some(1)]));
    says!(t, json_arr_pop("a", "$.a", 0) => all([Some(Json(2))]));
    says!(t, json_arr_pop("a", "$.a", 0) => all([None::<i64>]));
    says!(t, json_arr_pop("a", ".a", 0) => all([None::<i64>]));
    says!(t, json_arr_append("a", "$.a", ["null", "[[1,2]]"]) => all([Some(2)]));
    says!(t, json_arr_pop("a", "$.a", -1) => all([Some(Json(vec![[1, 2]]))]));
    // An element that is null is there.
    says!(t, json_arr_pop("a", "$.a", -1) => all([Some(Json(None::<i64>))]));
}

fn objects(t: &Trial) {
    says!(t, json_set("o", "$", r#"{"a":{"x":1,"y":2},"b":{},"c":1}"#) => true);
    let names = vec![
        Some(vec!["x".to_owned(), "y".to_owned()]),
        Some(vec![]),
        None,
    ];
    says!(t, json_obj_keys("o", "$.*") => names);
    says!(t, json_obj_keys("o", "$.none") => Vec::<Option<Vec<String>>>::new());
    let got: Result<Vec<Option<Vec<String>>>> = got!(t, json_obj_keys("o", ".a"));
    assert_eq!(*got.unwrap_err().kind(), ErrorKind::Conversion);
    says!(t, json_obj_len("o", "$.*") => all([Some(2), Some(0), None]));
    says!(t, json_obj_len("o", ".a") => all([Some(2)]));
    says!(t, json_set("o", "$.c", r#"[1.5,true,null,"t"]"#) => true);
    let list: Result<Value> = got!(t, json_resp("o", ".c"));
    let list = Vec::<Value>::from_value(list.unwrap()).unwrap();
    let fraction = match t.protocol {
        Protocol::Resp2 => Value::bulk("1.5"),
        _ => Value::Double(1.5),
    };
    assert_eq!((list.len(), &list[1]), (5, &fraction));
    says!(t, json_resp("none", "$") => Value::Nil);
    for path in ["$.c", ".c"] {
        let bytes: Result<JsonMatches<u64>> = got!(t, json_debug_memory("o", path));
        assert!(bytes.unwrap().first().unwrap() > 8);
    }
    says!(t, json_debug_memory("none", "$") => all([]));
}

/// What was taken or counted is not lost to a type that it is not of.
fn taken(t: &Trial) {
    says!(t, json_set("taken", "$", r#"{"a":["x",2],"b":[3]}"#) => true);
    let got: Result<JsonMatches<i64>> = got!(t, json_arr_pop("taken", "$.*", 0));
    let popped = Value::array(vec![Value::bulk("\"x\""), Value::bulk("3")]);
    assert_eq!(got.unwrap_err().reply(), Some(&popped));
    let got: Result<JsonMatches<Json<String>>> = got!(t, json_arr_pop("taken", ".a", 0));
    assert_eq!(got.unwrap_err().reply(), Some(&Value::bulk("2")));
    says!(t, json_set("taken", "$", "[1.5]") => true);
    let got: Result<JsonNumbers<i64>> = got!(t, json_num_incr_by("taken", "$[0]", 1));
    let sums = match t.protocol {
        Protocol::Resp2 => Value::bulk("[2.5]"),
        _ => Value::array(vec![Value::Double(2.5)]),
    };
    assert_eq!(got.unwrap_err().reply(), Some(&sums));
}
