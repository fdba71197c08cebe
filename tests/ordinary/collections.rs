//! Numbers and rankings.

use super::on_each_server;
use hitless::{Client, Commands, Result, cmd, pipe};
use std::collections::HashMap;
use std::thread;

struct Leaderboard<'a> {
    client: &'a Client,
    key: &'a str,
}

impl Leaderboard<'_> {
    fn add(&self, player: &str, points: f64) -> Result<f64> {
        cmd("ZINCRBY")
            .arg(self.key)
            .arg(points)
            .arg(player)
            .query(self.client)
    }

    fn top(&self, count: i64) -> Result<Vec<(String, f64)>> {
        cmd("ZREVRANGE")
            .arg(self.key)
            .args((0, count - 1, "WITHSCORES"))
            .query(self.client)
    }

    /// The first has rank 0.
    fn rank(&self, player: &str) -> Result<Option<u64>> {
        cmd("ZREVRANK").arg(self.key).arg(player).query(self.client)
    }
}

#[test]
fn a_leaderboard() {
    on_each_server(|client| {
        let board = Leaderboard {
            client,
            key: "board",
        };
        board.add("ann", 10.0)?;
        board.add("bob", 20.5)?;
        assert_eq!(board.add("ann", 15.0)?, 25.0);
        assert_eq!(
            board.top(10)?,
            [("ann".to_owned(), 25.0), ("bob".to_owned(), 20.5)]
        );
        assert_eq!(board.top(1)?.len(), 1);
        assert_eq!((board.rank("bob")?, board.rank("eve")?), (Some(1), None));
        Ok(())
    });
}

#[test]
fn sorted_sets_with_scores() {
    on_each_server(|client| {
        let scores: Vec<(f64, String)> = (0..10).map(|n| (f64::from(n), format!("m{n}"))).collect();
        let added: usize = cmd("ZADD").arg("set").args(&scores).query(client)?;
        assert_eq!(added, 10);
        let range = cmd("ZRANGEBYSCORE").args(("set", "(2", 5));
        let members: Vec<String> = range.query(client)?;
        assert_eq!(members, ["m3", "m4", "m5"]);
        let with_scores: HashMap<String, f64> = range.clone().arg("WITHSCORES").query(client)?;
        assert_eq!(with_scores["m4"], 4.0);
        let some: Vec<Option<f64>> = cmd("ZMSCORE")
            .arg("set")
            .args(["m1", "none"])
            .query(client)?;
        assert_eq!(some, [Some(1.0), None]);
        let lowest: Option<(String, f64)> = cmd("ZPOPMIN").arg("set").query(client)?;
        assert_eq!(lowest, Some(("m0".into(), 0.0)));
        let none: Option<(String, f64)> = cmd("ZPOPMIN").arg("none").query(client)?;
        assert_eq!(none, None);
        let (_, popped): (String, Vec<(String, f64)>) = cmd("ZMPOP")
            .args((1, "set", "MAX", "COUNT", 2))
            .query(client)?;
        assert_eq!(popped[0], ("m9".into(), 9.0));
        Ok(())
    });
}

#[test]
fn counters_of_many_threads() {
    on_each_server(|client| {
        thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || -> Result<()> {
                    for _ in 0..50 {
                        client.incr("hits")?;
                        client.incr_by(format!("hits:{thread}"), 2)?;
                        cmd("HINCRBY").args(("pages", "/", 1)).exec(client)?;
                    }
                    Ok(())
                });
            }
        });
        let keys = (0..4).map(|thread| format!("hits:{thread}"));
        let (all, each, pages): (u64, [u64; 4], HashMap<String, u64>) = pipe()
            .cmd(cmd("GET").arg("hits"))
            .cmd(cmd("MGET").args(keys))
            .cmd(cmd("HGETALL").arg("pages"))
            .query(client)?;
        assert_eq!((all, each, pages["/"]), (200, [100; 4], 200));
        let average: f64 = cmd("INCRBYFLOAT").args(("average", 0.5)).query(client)?;
        assert_eq!(average, 0.5);
        Ok(())
    });
}
