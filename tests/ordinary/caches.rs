//! Values that are kept for a while: a cache, sessions, limits, settings.

use super::on_each_server;
use hitless::{
    ArgWriter, Client, Commands, Error, Expiry, FromValue, Result, SetOptions, ToArg, ToArgs,
    Value, cmd, pipe,
};
use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

/// Yields the cached value, or makes and caches it.
fn cached<T: FromValue + ToArg>(
    client: &Client,
    key: &str,
    ttl: Duration,
    make: impl FnOnce() -> T,
) -> Result<T> {
    if let Some(value) = client.get::<Option<T>>(key)? {
        return Ok(value);
    }
    let value = make();
    client.set_options(key, &value, &SetOptions::new().expiry(Expiry::In(ttl)))?;
    Ok(value)
}

#[test]
fn a_cache_aside() {
    on_each_server(|client| {
        let made = Cell::new(0);
        let make = || {
            made.set(made.get() + 1);
            format!("page {}", made.get())
        };
        for _ in 0..3 {
            let page = cached(client, "page:/", Duration::from_secs(60), make)?;
            assert_eq!(page, "page 1");
        }
        client.del("page:/")?;
        let page = cached(client, "page:/", Duration::from_secs(60), make)?;
        assert_eq!(page, "page 2");
        let left: Option<u64> = cmd("TTL").arg("page:/").query(client)?;
        assert!(left.is_some_and(|seconds| seconds <= 60));
        Ok(())
    });
}

/// Whether one more request of this user is allowed in this window.
fn allow(client: &Client, user: u64, limit: u32, window: Duration) -> Result<bool> {
    let key = format!("rate:{user}");
    let (count, ()): (u32, ()) = pipe()
        .atomic()
        .cmd(cmd("INCR").arg(&key))
        .cmd(cmd("PEXPIRE").arg(&key).arg(window.as_millis()).arg("NX"))
        .query(client)?;
    Ok(count <= limit)
}

#[test]
fn a_rate_limiter() {
    on_each_server(|client| {
        for attempt in 0..5 {
            let allowed = allow(client, 7, 3, Duration::from_secs(60))?;
            assert_eq!(allowed, attempt < 3);
        }
        assert!(allow(client, 8, 3, Duration::from_secs(60))?);
        let wait: i64 = cmd("PTTL").arg("rate:7").query(client)?;
        assert!((1..=60_000).contains(&wait));
        Ok(())
    });
}

/// A session, stored as a hash.
#[derive(Debug, PartialEq)]
struct Session {
    user: u64,
    name: String,
    admin: bool,
}

impl ToArgs for Session {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        ("user", self.user, "name", &self.name, "admin", self.admin).write_args(out);
    }
}

impl FromValue for Session {
    fn from_value(value: Value) -> Result<Self> {
        let (user, name, admin) = FromValue::from_value(value)?;
        Ok(Self { user, name, admin })
    }
}

struct Sessions<'a> {
    client: &'a Client,
    ttl: Duration,
}

impl Sessions<'_> {
    fn save(&self, id: &str, session: &Session) -> Result<()> {
        let key = format!("session:{id}");
        pipe()
            .atomic()
            .cmd(cmd("DEL").arg(&key))
            .cmd(cmd("HSET").arg(&key).args(session))
            .cmd(cmd("PEXPIRE").arg(&key).arg(self.ttl.as_millis()))
            .exec(self.client)
    }

    fn load(&self, id: &str) -> Result<Option<Session>> {
        let key = format!("session:{id}");
        if !self.client.expire(&key, self.ttl)? {
            return Ok(None);
        }
        cmd("HMGET")
            .arg(&key)
            .args(["user", "name", "admin"])
            .query(self.client)
            .map(Some)
    }
}

#[test]
fn a_session_store() {
    on_each_server(|client| {
        let sessions = Sessions {
            client,
            ttl: Duration::from_secs(60),
        };
        let session = Session {
            user: 7,
            name: "ann \u{e9}".into(),
            admin: true,
        };
        sessions.save("abc", &session)?;
        assert_eq!(sessions.load("abc")?, Some(session));
        assert_eq!(sessions.load("none")?, None);
        client.hset("session:bad", "user", "seven")?;
        let error = sessions.load("bad").unwrap_err();
        assert_eq!(
            error.to_string(),
            "field 0: a bulk string cannot become u64 (command HMGET)"
        );
        Ok(())
    });
}

#[test]
fn a_reader_of_settings() {
    on_each_server(|client| {
        client.hset_multiple(
            "settings",
            [("debug", "true"), ("workers", "8"), ("ratio", "0.5")],
        )?;
        let settings: HashMap<String, String> = client.hgetall("settings")?;
        assert_eq!(settings["workers"], "8");
        let (debug, workers, ratio, missing): (bool, u8, f32, Option<String>) = cmd("HMGET")
            .arg("settings")
            .args(["debug", "workers", "ratio", "none"])
            .query(client)?;
        assert_eq!((debug, workers, ratio, missing), (true, 8, 0.5, None));
        // And those of the server.
        let limits: HashMap<String, u64> = cmd("CONFIG GET").arg("maxmemory").query(client)?;
        assert_eq!(limits["maxmemory"], 0);
        let (_, policy): ((), String) = cmd("CONFIG GET maxmemory-policy").query(client)?;
        assert_eq!(policy, "noeviction");
        let sections: String = cmd("INFO").arg("server").query(client)?;
        assert!(
            sections
                .lines()
                .any(|line| line.starts_with("redis_version:"))
        );
        Ok(())
    });
}

/// A document as text, written and read without any library.
#[derive(Clone, Debug, PartialEq)]
struct Point {
    x: i32,
    y: i32,
}

impl ToArgs for Point {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(format!(r#"{{"x":{},"y":{}}}"#, self.x, self.y).as_bytes());
    }
}

impl ToArg for Point {}

impl FromValue for Point {
    fn from_value(value: Value) -> Result<Self> {
        let text = String::from_value(value)?;
        let number = |name: &str| -> Result<i32> {
            let mut fields = text.trim_matches(['{', '}']).split(',');
            let found = fields.find_map(|field| {
                (field.split_once(':')).filter(|(key, _)| key.trim_matches('"') == name)
            });
            let (_, number) = found.ok_or_else(|| Error::conversion("a field is missing"))?;
            number
                .parse()
                .map_err(|error| Error::conversion("a field is no number").with_source(error))
        };
        Ok(Self {
            x: number("x")?,
            y: number("y")?,
        })
    }
}

#[test]
fn documents_as_text() {
    on_each_server(|client| {
        let point = Point { x: 1, y: -2 };
        client.set("point", &point)?;
        assert_eq!(client.get::<Point>("point")?, point);
        assert_eq!(client.get::<Option<Point>>("none")?, None);
        client.mset([("p:1", &point), ("p:2", &Point { x: 3, y: 4 })])?;
        let points: Vec<Option<Point>> = client.mget(["p:1", "none", "p:2"])?;
        assert_eq!(
            points,
            [Some(point.clone()), None, Some(Point { x: 3, y: 4 })]
        );
        client.hset("points", "a", &point)?;
        let all: HashMap<String, Point> = client.hgetall("points")?;
        assert_eq!(all["a"], point);
        client.rpush("path", vec![point.clone(), point])?;
        let (path, first): (Vec<Point>, Point) = pipe()
            .cmd(cmd("LRANGE").arg("path").arg(0).arg(-1))
            .cmd(cmd("LINDEX").arg("path").arg(0))
            .query(client)?;
        assert_eq!(path[1], first);
        client.set("point", "{\"x\":1,\"y\":east}")?;
        let error = client.get::<Point>("point").unwrap_err();
        assert_eq!(error.to_string(), "a field is no number (command GET)");
        assert!(std::error::Error::source(&error).is_some());
        Ok(())
    });
}
