//! Code over anything that has commands, and walks over all keys.

use super::on_each_server;
use hitless::{Cmd, Commands, Executor, Pipeline, Result, Value, cmd, pipe};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

/// A lock that is free again after a while; the token says whose it is.
fn lock(redis: &impl Commands, name: &str, token: &str) -> Result<bool> {
    let taken: Option<()> = cmd("SET")
        .args((name, token, "NX", "PX", 30_000))
        .query(redis)?;
    Ok(taken.is_some())
}

fn unlock(redis: &impl Commands, name: &str, token: &str) -> Result<bool> {
    let script =
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
                  return 0";
    redis.eval(script, name, token)
}

/// Notes the commands of somebody.
struct Noting<'a, C> {
    redis: &'a C,
    notes: RefCell<Vec<String>>,
}

impl<C: Executor> Executor for Noting<'_, C> {
    fn execute(&self, command: &Cmd) -> Result<Value> {
        self.notes.borrow_mut().push(format!("{command:?}"));
        self.redis.execute(command)
    }

    fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        self.notes.borrow_mut().push(format!("{pipeline:?}"));
        self.redis.execute_pipeline(pipeline)
    }
}

#[test]
fn functions_over_anything_that_has_commands() {
    on_each_server(|client| {
        let noting = Noting {
            redis: client,
            notes: RefCell::default(),
        };
        assert!(lock(&noting, "lock", "mine")?);
        assert!(!lock(&noting, "lock", "theirs")?);
        assert!(!unlock(&noting, "lock", "theirs")?);
        assert!(unlock(&&noting, "lock", "mine")?);
        assert!(lock(client, "lock", "theirs")?);
        assert_eq!(noting.notes.borrow().len(), 4);
        assert_eq!(noting.notes.borrow()[0], "Cmd(SET, 5 arguments)");
        let gone: (u64, ()) = pipe()
            .cmd(cmd("DEL lock"))
            .cmd(cmd("PING"))
            .query(&noting)?;
        assert_eq!(gone.0, 1);
        assert_eq!(noting.notes.borrow()[4], "Pipeline(2 commands)");
        let any: &dyn Executor = &noting;
        assert_eq!(any.get::<Option<String>>("lock")?, None);
        Ok(())
    });
}

#[test]
fn a_walk_over_all_keys() {
    on_each_server(|client| {
        client.mset((0..500).map(|n| (format!("user:{n}"), n)))?;
        client.set("other", 1)?;
        let mut found = BTreeSet::new();
        let mut cursor = 0_u64;
        loop {
            let (next, keys): (u64, Vec<String>) = cmd("SCAN")
                .arg(cursor)
                .args(("MATCH", "user:*", "COUNT", 100))
                .query(client)?;
            found.extend(keys);
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(found.len(), 500);
        client.hset_multiple("hash", (0..50).map(|n| (format!("f{n}"), n)))?;
        let (cursor, fields): (u64, HashMap<String, i64>) = cmd("HSCAN")
            .args(("hash", 0, "COUNT", 1000))
            .query(client)?;
        assert_eq!((cursor, fields.len(), fields["f49"]), (0, 50, 49));
        let removed = client.del(&found)?;
        assert_eq!(removed, 500);
        let left: Vec<String> = cmd("KEYS *").query(client)?;
        assert_eq!(left.len(), 2);
        Ok(())
    });
}
