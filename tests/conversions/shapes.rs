//! The same value in both protocols, whatever shape the server gave to the reply.

use super::everywhere;
use hitless::{Client, Commands, Value, cmd};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

fn owned<const N: usize>(pairs: [(&str, f64); N]) -> [(String, f64); N] {
    pairs.map(|(name, score)| (name.to_owned(), score))
}

/// A sorted set of three members.
fn scores(client: &Client) {
    let set = cmd("ZADD").arg("scores");
    set.args([(1.0, "a"), (1.5, "b"), (1e6, "c")])
        .exec(client)
        .unwrap();
}

#[test]
fn scores_are_pairs_in_a_list_a_map_and_an_array() {
    everywhere(|client| {
        scores(client);
        let all = owned([("a", 1.0), ("b", 1.5), ("c", 1e6)]);
        let ranges = [
            cmd("ZRANGE").args(["scores", "0", "-1", "WITHSCORES"]),
            cmd("ZRANGEBYSCORE").args(["scores", "-inf", "+inf", "WITHSCORES"]),
            cmd("ZUNION").args(["1", "scores", "WITHSCORES"]),
        ];
        for range in &ranges {
            let list: Vec<(String, f64)> = client.query(range).unwrap();
            assert_eq!(list, all);
            let list: VecDeque<(String, f64)> = client.query(range).unwrap();
            assert_eq!(list, all);
            let map: BTreeMap<String, f64> = client.query(range).unwrap();
            assert_eq!(map, BTreeMap::from(all.clone()));
            let map: HashMap<String, f64> = client.query(range).unwrap();
            assert_eq!(map, HashMap::from(all.clone()));
            let array: [(String, f64); 3] = client.query(range).unwrap();
            assert_eq!(array, all);
            let pairs: Vec<[String; 2]> = client.query(range).unwrap();
            assert_eq!(pairs[1], ["b", "1.5"]);
            let flat: Vec<String> = client.query(range).unwrap();
            assert_eq!(flat, ["a", "1", "b", "1.5", "c", "1000000"]);
            let flat: (String, i64, String, f32, String, u32) = client.query(range).unwrap();
            assert_eq!(
                flat,
                ("a".into(), 1, "b".into(), 1.5, "c".into(), 1_000_000)
            );
            let sorted: BTreeSet<(String, String)> = client.query(range).unwrap();
            assert_eq!(sorted.len(), 3);
        }
    });
}

#[test]
fn one_member_with_its_score_is_a_pair_with_a_count_or_without() {
    everywhere(|client| {
        for pop in [
            cmd("ZPOPMIN").arg("scores"),
            cmd("ZPOPMIN").arg("scores").arg(1),
        ] {
            scores(client);
            let one: (String, f64) = client.query(&pop).unwrap();
            assert_eq!(one, ("a".into(), 1.0));
            let next: Vec<(String, f64)> = client.query(&pop).unwrap();
            assert_eq!(next, owned([("b", 1.5)]));
        }
        scores(client);
        let max: (String, Vec<(String, f64)>) = client
            .query(&cmd("ZMPOP").args(["1", "scores", "MAX", "COUNT", "2"]))
            .unwrap();
        assert_eq!(max.1, owned([("c", 1e6), ("b", 1.5)]));
        let none: Vec<(String, f64)> = client.query(&cmd("ZPOPMIN").arg("none")).unwrap();
        assert!(none.is_empty());
        let none: Option<(String, f64)> = client.query(&cmd("ZPOPMIN").arg("none")).unwrap();
        assert_eq!(none, None);
        let none: Option<[String; 2]> = client.query(&cmd("ZPOPMIN").arg("none")).unwrap();
        assert_eq!(none, None);
        let (key, member, score): (Vec<u8>, String, f64) = client
            .query(&cmd("BZPOPMIN").args(["scores", "1"]))
            .unwrap();
        assert_eq!(
            (key.as_slice(), member.as_str(), score),
            (&b"scores"[..], "a", 1.0)
        );
    });
}

#[test]
fn hashes_are_pairs_in_a_list_a_map_and_a_tuple() {
    everywhere(|client| {
        client.hset_multiple("hash", [("a", 1), ("b", 2)]).unwrap();
        let all = cmd("HGETALL").arg("hash");
        let mut list: Vec<(String, u8)> = client.query(&all).unwrap();
        list.sort();
        assert_eq!(list, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
        let map = client.hgetall::<HashMap<char, i64>>("hash").unwrap();
        assert_eq!(map, HashMap::from([('a', 1), ('b', 2)]));
        let set: HashSet<(String, String)> = client.query(&all).unwrap();
        assert_eq!(set.len(), 2);
        let flat: Vec<String> = client.query(&all).unwrap();
        assert_eq!(flat.len(), 4);
        let (_, first, _, second): (String, i64, String, i64) = client.query(&all).unwrap();
        assert_eq!(first + second, 3);
        let fields: Vec<(String, i64)> = client
            .query(&cmd("HRANDFIELD").args(["hash", "2", "WITHVALUES"]))
            .unwrap();
        assert_eq!(fields.len(), 2);
        let one: (String, i64) = client
            .query(&cmd("HRANDFIELD").args(["hash", "1", "WITHVALUES"]))
            .unwrap();
        assert!(list.contains(&(one.0, one.1 as u8)));
        let none: Vec<(String, i64)> = client.query(&cmd("HGETALL").arg("none")).unwrap();
        assert!(none.is_empty());
        let missing = client.query::<Option<HashMap<String, i64>>>(&cmd("HGETALL").arg("none"));
        assert_eq!(missing.unwrap(), Some(HashMap::new()));
    });
}

#[test]
fn settings_are_a_map_and_pairs() {
    everywhere(|client| {
        let get = cmd("CONFIG GET").arg("maxmemory*");
        let map: BTreeMap<String, String> = client.query(&get).unwrap();
        assert_eq!(map["maxmemory"], "0");
        let mut list: Vec<(String, String)> = client.query(&get).unwrap();
        list.sort();
        assert_eq!(list, Vec::from_iter(map));
        let one: (String, u64) = client.query(&cmd("CONFIG GET maxmemory")).unwrap();
        assert_eq!(one, ("maxmemory".into(), 0));
    });
}

/// The entries of a stream: each has a name and its fields.
type Entries<T> = Vec<(String, T)>;

#[test]
fn streams_are_entries_with_fields() {
    everywhere(|client| {
        for (id, field) in [("1-0", "a"), ("2-0", "b")] {
            cmd("XADD")
                .args(["stream", id, field, "1", "more", "2"])
                .exec(client)
                .unwrap();
        }
        let read = cmd("XREAD").args(["STREAMS", "stream", "none", "0", "0"]);
        let expected = |entries: &[(String, BTreeMap<String, i64>)]| {
            assert_eq!(entries.len(), 2);
            assert_eq!(entries[1].0, "2-0");
            assert_eq!(
                entries[1].1,
                BTreeMap::from([("b".into(), 1), ("more".into(), 2)])
            );
        };
        let list: Vec<(String, Entries<BTreeMap<String, i64>>)> = client.query(&read).unwrap();
        assert_eq!(list[0].0, "stream");
        expected(&list[0].1);
        let map: HashMap<String, Entries<BTreeMap<String, i64>>> = client.query(&read).unwrap();
        expected(&map["stream"]);
        let (name, entries): (String, Entries<Vec<(String, i64)>>) = client.query(&read).unwrap();
        assert_eq!(name, "stream");
        assert_eq!(entries[0].1, [("a".to_owned(), 1), ("more".to_owned(), 2)]);
        let range: Entries<BTreeMap<String, i64>> = client
            .query(&cmd("XRANGE").args(["stream", "-", "+"]))
            .unwrap();
        expected(&range);
        let nothing = cmd("XREAD").args(["STREAMS", "none", "0"]);
        let none: HashMap<String, Entries<Vec<(String, i64)>>> = client.query(&nothing).unwrap();
        assert!(none.is_empty());
        let none: Option<Vec<(String, Value)>> = client.query(&nothing).unwrap();
        assert!(none.is_none());

        cmd("XGROUP CREATE")
            .args(["stream", "group", "0"])
            .exec(client)
            .unwrap();
        let groups: Vec<HashMap<String, Value>> =
            client.query(&cmd("XINFO GROUPS").arg("stream")).unwrap();
        assert_eq!(groups[0]["name"].as_str(), Some("group"));
        let groups: Vec<Vec<(String, Value)>> =
            client.query(&cmd("XINFO GROUPS").arg("stream")).unwrap();
        assert_eq!(groups[0][0].0, "name");
        let info: BTreeMap<String, Value> =
            client.query(&cmd("XINFO STREAM").arg("stream")).unwrap();
        assert_eq!(info["length"].as_int(), Some(2));
        let taken: HashMap<String, Entries<BTreeMap<String, i64>>> = client
            .query(&cmd("XREADGROUP").args(["GROUP", "group", "me", "STREAMS", "stream", ">"]))
            .unwrap();
        expected(&taken["stream"]);
    });
}

#[test]
fn what_only_one_protocol_has_becomes_the_same_number_text_and_truth() {
    everywhere(|client| {
        scores(client);
        let score = |member| cmd("ZSCORE").arg("scores").arg(member);
        // A double in RESP3, a string in RESP2.
        assert_eq!(client.query::<i64>(&score("a")).unwrap(), 1);
        assert_eq!(client.query::<u8>(&score("a")).unwrap(), 1);
        assert_eq!(client.query::<f64>(&score("b")).unwrap(), 1.5);
        assert_eq!(client.query::<String>(&score("b")).unwrap(), "1.5");
        assert_eq!(client.query::<Vec<u8>>(&score("b")).unwrap(), b"1.5");
        assert!(client.query::<bool>(&score("a")).unwrap());
        assert_eq!(client.query::<Option<f64>>(&score("none")).unwrap(), None);
        assert!(client.query::<i64>(&score("b")).is_err());
        assert!(client.query::<bool>(&score("b")).is_err());
        let infinite = cmd("ZADD").args(["scores", "INCR", "inf", "d"]);
        assert_eq!(client.query::<String>(&infinite).unwrap(), "inf");
        assert_eq!(client.query::<f64>(&infinite).unwrap(), f64::INFINITY);
        // A set in RESP3, an array in RESP2.
        cmd("SADD")
            .arg("set")
            .args(["x", "y"])
            .exec(client)
            .unwrap();
        let members = cmd("SMEMBERS").arg("set");
        let mut list: Vec<char> = client.query(&members).unwrap();
        list.sort_unstable();
        assert_eq!(list, ['x', 'y']);
        assert_eq!(client.query::<HashSet<char>>(&members).unwrap().len(), 2);
        // A verbatim string in RESP3, a bulk string in RESP2.
        let info: String = client.query(&cmd("INFO server")).unwrap();
        assert!(info.starts_with("# Server"), "{info}");
        // Null in RESP3; a null string or a null array in RESP2.
        assert_eq!(client.get::<Option<String>>("none").unwrap(), None);
        let popped = client.query::<Option<Vec<String>>>(&cmd("LPOP").args(["none", "3"]));
        assert_eq!(popped.unwrap(), None);
        // A boolean of a script: one and nil in RESP2 and in the scripts' own RESP3.
        let truth = |script| client.eval::<Option<i64>>(script, (), ()).unwrap();
        assert_eq!(truth("return true"), Some(1));
        assert_eq!(truth("return false"), None);
        let script = "redis.setresp(3) return redis.call('SISMEMBER', KEYS[1], 'x')";
        assert_eq!(client.eval::<String>(script, "set", ()).unwrap(), "1");
        let booleans = cmd("DEBUG PROTOCOL").arg("true");
        assert_eq!(client.query::<f64>(&booleans).unwrap(), 1.0);
        assert_eq!(client.query::<String>(&booleans).unwrap(), "1");
        assert_eq!(client.query::<u8>(&booleans).unwrap(), 1);
        let map: BTreeMap<i64, bool> = client.query(&cmd("DEBUG PROTOCOL map")).unwrap();
        assert_eq!(map, BTreeMap::from([(0, false), (1, true), (2, false)]));
        let pairs: Vec<(u8, bool)> = client.query(&cmd("DEBUG PROTOCOL map")).unwrap();
        assert_eq!(pairs, [(0, false), (1, true), (2, false)]);
        let number: String = client.query(&cmd("DEBUG PROTOCOL bignum")).unwrap();
        assert!(number.starts_with("1234567999999999999999999999999999999"));
        let text: String = client.query(&cmd("DEBUG PROTOCOL verbatim")).unwrap();
        assert_eq!(text, "This is a verbatim\nstring");
        let double: f32 = client.query(&cmd("DEBUG PROTOCOL double")).unwrap();
        assert_eq!(double.to_string(), "3.141");
    });
}

#[test]
fn positions_and_entries_that_are_missing_leave_the_others() {
    everywhere(|client| {
        cmd("GEOADD")
            .args(["geo", "13.5", "38.25", "p", "15", "37", "q"])
            .exec(client)
            .unwrap();
        let positions = cmd("GEOPOS").args(["geo", "p", "none", "q"]);
        let positions: Vec<Option<(f64, f64)>> = client.query(&positions).unwrap();
        assert_eq!(positions.len(), 3);
        assert_eq!(positions[1], None);
        assert!((positions[0].unwrap().0 - 13.5).abs() < 0.001);
        let search = cmd("GEOSEARCH").args(["geo", "FROMMEMBER", "p", "BYRADIUS", "1000", "km"]);
        let near: Vec<(String, f64)> = client.query(&search.arg("WITHDIST").arg("ASC")).unwrap();
        assert_eq!(near[0], ("p".into(), 0.0));
        let raw: Vec<Option<Value>> = client
            .query(&cmd("GEOPOS").args(["geo", "p", "q"]))
            .unwrap();
        assert_eq!(raw.len(), 2, "a raw value stays as it came");
        let raw: Vec<Value> = client
            .query(&cmd("GEOPOS").args(["geo", "p", "q"]))
            .unwrap();
        assert_eq!(raw.len(), 2);
    });
}
