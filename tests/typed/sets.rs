//! Sets.

use crate::trial::everywhere;
use hitless::{Commands, Result};
use std::collections::BTreeSet;

const RAW: &[u8] = b"\x00\xff\r\n";

#[test]
fn sets() {
    everywhere("sets", |t| {
        says!(t, sadd(RAW, [RAW, b"b", b"c"]) => 3);
        says!(t, sadd(RAW, ["c", "d"]) => 1);
        says!(t, scard(RAW) => 4);
        says!(t, scard("none") => 0);
        says!(t, srem(RAW, ["d", "none"]) => 1);
        says!(t, smembers(RAW) => BTreeSet::from([RAW.to_vec(), b"b".to_vec(), b"c".to_vec()]));
        says!(t, smembers("none") => Vec::<String>::new());
        says!(t, sismember(RAW, RAW) => true);
        says!(t, sismember(RAW, "none") => false);
        says!(t, smismember(RAW, ["b", "none", "c"]) => vec![true, false, true]);
        says!(t, smove(RAW, "to", RAW) => true);
        says!(t, smove(RAW, "to", RAW) => false);
        says!(t, srandmember("to") => RAW.to_vec());
        says!(t, srandmember("none") => None::<String>);
        says!(t, srandmember_multiple("to", 5) => vec![RAW.to_vec()]);
        says!(t, srandmember_multiple("to", -2) => vec![RAW.to_vec(); 2]);
        says!(t, srandmember_multiple("none", 5) => Vec::<String>::new());

        t.client.sadd("one", ["a", "b", "c"]).unwrap();
        t.client.sadd("two", ["b", "c", "d"]).unwrap();
        let both = ["one", "two"];
        says!(t, sunion(both) => BTreeSet::from(['a', 'b', 'c', 'd']));
        says!(t, sinter(both) => BTreeSet::from(['b', 'c']));
        says!(t, sdiff(both) => vec!['a']);
        says!(t, sinter(["one", "none"]) => Vec::<String>::new());
        says!(t, sunionstore(b"\xff", both) => 4);
        says!(t, sinterstore(b"\xff", both) => 2);
        says!(t, sintercard(both) => 2);
        says!(t, sintercard_limit(both, 1) => 1);
        says!(t, sintercard_limit(both, 0) => 2);
        says!(t, sdiffstore(b"\xff", both) => 1);
        says!(t, smembers(b"\xff") => vec!['a']);

        says!(t, spop("to") => Some(RAW.to_vec()));
        says!(t, spop("to") => None::<String>);
        says!(t, spop_multiple("one", 9) => BTreeSet::from(['a', 'b', 'c']));
        says!(t, spop_multiple("one", 9) => Vec::<String>::new());
        // What was taken and does not fit comes back.
        t.client.sadd("one", "word").unwrap();
        let taken: Result<Option<i64>> = got!(t, spop("one"));
        assert_eq!(taken.unwrap_err().reply().unwrap().as_str(), Some("word"));
        let taken: Result<Vec<i64>> = got!(t, spop_multiple("two", 1));
        assert!(taken.unwrap_err().reply().is_some());
        t.client.set("text", 1).unwrap();
        refuses!(t, sadd("text", 1) as u64, "WRONGTYPE");
    });
}
