//! Every type that replies can become, and types of users.

use super::everywhere;
use hitless::{
    ArgWriter, Client, Commands, Error, ErrorKind, FromValue, Options, Result, ToArg, ToArgs,
    Value, cmd, pipe,
};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::num::{NonZeroI8, NonZeroU16, NonZeroU64};
use std::rc::Rc;
use std::sync::Arc;

/// Stores a value and reads it as the same type.
fn round<T: ToArg + FromValue + PartialEq + Debug>(client: &Client, value: T) {
    client.set("value", &value).unwrap();
    assert_eq!(client.get::<T>("value").unwrap(), value);
    assert_eq!(client.get::<Option<T>>("value").unwrap(), Some(value));
}

/// Pushes the elements of a value and reads them as the same type.
fn round_list<T: ToArgs + FromValue + PartialEq + Debug>(client: &Client, value: T) {
    client.del("list").unwrap();
    client.rpush("list", &value).unwrap();
    assert_eq!(client.lrange::<T>("list", 0, -1).unwrap(), value);
}

#[test]
fn single_values_come_back_as_they_went() {
    everywhere(|client| {
        for truth in [true, false] {
            round(client, truth);
        }
        round(client, i8::MIN);
        round(client, u8::MAX);
        round(client, u16::MAX);
        round(client, i128::MIN);
        round(client, u128::MAX);
        round(client, usize::MAX);
        round(client, 'x');
        round(client, '\u{1f980}');
        round(client, 0.1_f32);
        round(client, f64::MIN_POSITIVE);
        round(client, f64::INFINITY);
        round(client, NonZeroI8::new(-1).unwrap());
        round(client, NonZeroU64::MAX);
        round(client, String::from("text"));
        round::<Box<str>>(client, "text".into());
        round::<Rc<str>>(client, "text".into());
        round::<Arc<str>>(client, "text".into());
        round::<Cow<'_, str>>(client, "text".into());
        let bytes: Vec<u8> = (0..=255).collect();
        round(client, bytes.clone());
        round::<Box<[u8]>>(client, bytes.as_slice().into());
        round::<Rc<[u8]>>(client, bytes.as_slice().into());
        round::<Arc<[u8]>>(client, bytes.as_slice().into());
        round::<Cow<'_, [u8]>>(client, bytes.clone().into());
        let array: [u8; 256] = bytes.as_slice().try_into().unwrap();
        client.set("value", array).unwrap();
        assert!(client.get::<[u8; 256]>("value").unwrap() == array);
        client.set("value", bytes.as_slice()).unwrap();
        assert_eq!(client.get::<Vec<u8>>("value").unwrap(), bytes);
        for (text, truth) in [("true", true), ("false", false), ("1", true), ("0", false)] {
            client.set("value", text).unwrap();
            assert_eq!(client.get::<bool>("value").unwrap(), truth);
        }
        client.set("value", 0).unwrap();
        assert!(client.get::<NonZeroU16>("value").is_err());
    });
}

#[test]
fn many_values_come_back_as_they_went() {
    everywhere(|client| {
        round_list(client, vec!["a".to_owned(), "b".to_owned()]);
        round_list(client, vec![1_i8, -2, 3]);
        round_list(client, vec![vec![0_u8, 255], vec![]]);
        round_list(client, vec![[0_u8, 255], [1, 2]]);
        round_list(client, VecDeque::from([1_u8, 2, 3]));
        round_list(client, [1_u16, 2, 3]);
        round_list(client, [vec![1_u8], vec![2]]);
        round_list(client, vec![true, false]);
        round_list(client, vec!['a', 'b']);
        round_list::<Box<[i64]>>(client, [1, 2].into());
        round_list::<Rc<[i64]>>(client, [1, 2].into());
        round_list::<Arc<[Arc<str>]>>(client, ["a".into(), "b".into()].into());
        round_list(client, BTreeSet::from([1_u8, 2]));
        round_list(client, HashSet::from(["a".to_owned(), "b".to_owned()]));
        round_list(client, vec![("a".to_owned(), 1), ("b".to_owned(), 2)]);
        round_list(
            client,
            vec![("a".to_owned(), 1, 0.5), ("b".to_owned(), 2, 1.5)],
        );
        round_list(
            client,
            BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]),
        );
        round_list(client, HashMap::from([(vec![1_u8], [2_u8])]));
        round_list(
            client,
            (1, 'x', "text".to_owned(), vec![0_u8], true, 0.5, 7_u8, 8),
        );
        let numbers: Vec<i32> = (0..12).collect();
        round_list(client, numbers.clone());
        let twelve = client.lrange("list", 0, -1).unwrap();
        let (a, _, c, _, _, _, _, _, _, _, _, l): (
            i32,
            (),
            u8,
            i8,
            (),
            (),
            (),
            (),
            (),
            (),
            (),
            i64,
        ) = twelve;
        assert_eq!((a, c, l), (0, 2, 11));
    });
}

#[test]
fn lists_have_elements_of_any_type() {
    everywhere(|client| {
        let script = "return {{1, {'a', 'b'}}, {2, {}}}";
        type Rows = Vec<(i64, Vec<String>)>;
        let rows: Rows = client.eval(script, (), ()).unwrap();
        assert_eq!(rows, [(1, vec!["a".into(), "b".into()]), (2, vec![])]);
        let sets: Vec<(u8, BTreeSet<char>)> = client.eval(script, (), ()).unwrap();
        assert_eq!(sets[0].1, BTreeSet::from(['a', 'b']));
        let maps: Vec<(u8, HashMap<char, char>)> = client.eval(script, (), ()).unwrap();
        assert_eq!(maps[0].1, HashMap::from([('a', 'b')]));
        let units: Vec<((), ())> = client.eval(script, (), ()).unwrap();
        assert_eq!(units.len(), 2);
        let script = "return {1, redis.error_reply('MINE of mine'), 'x', false}";
        let results: Vec<Result<Option<i64>>> = client.eval(script, (), ()).unwrap();
        assert_eq!(*results[0].as_ref().unwrap(), Some(1));
        assert_eq!(results[1].as_ref().unwrap_err().code(), Some("MINE"));
        let unfit = results[2].as_ref().unwrap_err();
        assert_eq!(*unfit.kind(), ErrorKind::Conversion);
        assert_eq!(*results[3].as_ref().unwrap(), None);
        let (first, second): (i64, Result<i64>) = client
            .eval("return {1, redis.error_reply('MINE x')}", (), ())
            .unwrap();
        assert_eq!(first, 1);
        assert_eq!(second.unwrap_err().code(), Some("MINE"));
        let missing: Result<Option<i64>> = client.query(&cmd("GET").arg("none")).unwrap();
        assert_eq!(missing.unwrap(), None);
        let failed: Result<i64> = client.query(&cmd("NOSUCHCOMMAND")).unwrap();
        assert_eq!(failed.unwrap_err().command(), Some("NOSUCHCOMMAND"));
        let nothing: Vec<()> = client.eval("return {1, 'x'}", (), ()).unwrap();
        assert_eq!(nothing.len(), 2);
    });
}

#[test]
fn one_result_of_a_pipeline_may_be_a_failure_without_hiding_the_others() {
    everywhere(|client| {
        let commands = || {
            pipe()
                .cmd(cmd("SET").arg("text").arg("words"))
                .cmd(cmd("INCR").arg("text"))
                .cmd(cmd("GET").arg("text"))
                .clone()
        };
        let (set, incr, get): (Result<()>, Result<i64>, Result<String>) =
            commands().query(client).unwrap();
        assert!(set.is_ok());
        assert_eq!(
            (incr.unwrap_err().index(), get.unwrap()),
            (Some(1), "words".into())
        );
        let all: Vec<Result<Value>> = commands().query(client).unwrap();
        assert!(all[0].is_ok() && all[1].is_err() && all[2].is_ok());
        let error = commands().query::<((), i64, String)>(client).unwrap_err();
        assert_eq!((error.code(), error.index()), (Some("ERR"), Some(1)));
        let error = commands().exec(client).unwrap_err();
        assert_eq!((error.command(), error.index()), (Some("INCR"), Some(1)));
        let four: [Result<()>; 4] = commands().cmd(cmd("PING")).query(client).unwrap();
        assert!(four[1].is_err() && four[3].is_ok());
        assert!(pipe().query::<Vec<u8>>(client).is_err());
    });
}

/// One argument, and a reply that may be wrong in a way that only its owner knows.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct UserId(u32);

impl ToArgs for UserId {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(format!("user:{}", self.0).as_bytes());
    }
}

impl ToArg for UserId {}

impl FromValue for UserId {
    fn from_value(value: Value) -> Result<Self> {
        let text = String::from_value(value)?;
        let number = text.strip_prefix("user:");
        let number = number.ok_or_else(|| Error::conversion("not the id of a user"))?;
        let number = number.parse().map_err(|source| {
            Error::conversion("the id of a user has no number").with_source(source)
        })?;
        Ok(Self(number))
    }
}

#[test]
fn a_type_of_a_user_stands_wherever_the_others_do() {
    everywhere(|client| {
        round(client, UserId(7));
        round_list(client, vec![UserId(1), UserId(2)]);
        round_list(client, [UserId(1), UserId(2)]);
        round_list(client, VecDeque::from([UserId(1)]));
        round_list(client, HashSet::from([UserId(1)]));
        round_list(client, vec![(UserId(1), UserId(2))]);
        round_list(client, BTreeMap::from([(UserId(1), UserId(2))]));
        round_list::<Arc<[UserId]>>(client, vec![UserId(1)].into());
        client.rpush("more", UserId(3)).unwrap();
        let popped = client.lpop::<UserId>("more").unwrap();
        assert_eq!(popped, Some(UserId(3)));
        client.mset([(UserId(4), 1), (UserId(5), 2)]).unwrap();
        let both: Vec<Option<i64>> = client.mget([UserId(4), UserId(5)]).unwrap();
        assert_eq!(both, [Some(1), Some(2)]);
    });
}

#[test]
fn a_type_of_a_user_fails_with_an_error_of_its_own() {
    everywhere(|client| {
        client.rpush("users", ["user:1", "user:x"]).unwrap();
        let error = client.lrange::<Vec<UserId>>("users", 0, -1).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Conversion);
        assert_eq!(
            error.to_string(),
            "element 1: the id of a user has no number (command LRANGE)"
        );
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.is::<std::num::ParseIntError>(), "{source:?}");
        let error = Error::conversion("odd").with_source("because");
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            "because"
        );
        assert_eq!(*error.kind(), ErrorKind::Conversion);
    });
}

/// Sums what it finds, over anything that has commands.
fn sum(commands: &impl Commands, keys: &[&str]) -> Result<i64> {
    let values: Vec<Option<i64>> = commands.mget(keys)?;
    Ok(values.into_iter().flatten().sum())
}

#[test]
fn a_command_is_sent_again_built_step_by_step_and_asked_itself() {
    everywhere(|client| {
        let set = cmd("SET").arg("n");
        set.clone().arg(1).exec(client).unwrap();
        set.arg(2).exec(&client).unwrap();
        let mut get = cmd("MGET");
        for key in ["n", "none"] {
            get.add_arg(key);
        }
        get.add_args(["n"]);
        assert_eq!(
            get.query::<Vec<Option<i64>>>(client).unwrap(),
            [Some(2), None, Some(2)]
        );
        let again: (i64, (), u8) = get.clone().query(client).unwrap();
        assert_eq!(again, (2, (), 2));
        assert_eq!(sum(client, &["n", "none"]).unwrap(), 2);
        assert_eq!(sum(&client, &["n"]).unwrap(), 2);
        // Statements without a type.
        client.set("n", 3).unwrap();
        client.execute(&cmd("INCR").arg("n")).unwrap();
        pipe().cmd(cmd("INCR").arg("n")).exec(client).unwrap();
        assert_eq!(client.get::<i64>("n").unwrap(), 5);
    });
}

#[test]
fn a_client_is_made_from_borrowed_texts_and_options() {
    let redis = super::Redis::start();
    let url: String = redis.url();
    Client::connect(&url).unwrap().ping().unwrap();
    let options = Options::new(&url).unwrap().pool_size(1);
    for _ in 0..2 {
        let client = Client::connect(&options).unwrap();
        client.ping().unwrap();
    }
    Client::lazy(&options).unwrap();
    Client::connect(options).unwrap();
}
