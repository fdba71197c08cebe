//! What servers say of connections, one line for each. Never fails for a field that it does not know.

use super::{Fields, lossy, value_of};
use crate::command::FromValue;
use crate::error::{Error, Result};
use crate::protocol::Value;
use std::str::FromStr;
use std::time::Duration;

/// A connection of a server: see [`Commands::client_list`](crate::Commands::client_list). What has no field
/// here, [`get`](Self::get) has.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ClientInfo {
    /// Its number, which no other ever has on that server.
    pub id: u64,
    /// Where it comes from: `127.0.0.1:50123`, or the path of a socket and `:0`.
    pub address: String,
    /// To which address of the server. From 6.2 on.
    pub local_address: Option<String>,
    /// That its client gave it.
    pub name: Option<String>,
    /// For how long it is open, in steps of 1 s.
    pub age: Duration,
    /// Since its last command, in steps of 1 s.
    pub idle: Duration,
    /// Letters: `N` none, `M` to the primary, `S` of a replica, `P` with subscriptions, `b` blocked, `x` in a
    /// transaction, and more.
    pub flags: String,
    /// The number of its database.
    pub database: u64,
    /// Its user. From 6.0 on.
    pub user: Option<String>,
    /// Its last command, with a `|` in front of a sub-command.
    pub last_command: Option<String>,
    /// 2 or 3, for RESP2 and RESP3. From 7.0 on.
    pub protocol: Option<u8>,
    /// What its client says that it is: the library and its version. From 7.2 on.
    pub library: Option<(String, String)>,
    /// How many bytes the server keeps for it. From 6.2 on.
    pub memory: Option<u64>,
    line: String,
}

impl ClientInfo {
    /// The line as the server sent it.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// A field by the server's name for it, such as `qbuf` or `tot-net-in`. `None`: there is none, or it is no
    /// such type.
    ///
    /// ```no_run
    /// use hitless::Commands;
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// let waiting: Option<u64> = client.client_info()?.get("omem");
    /// # Ok::<(), hitless::Error>(())
    /// ```
    pub fn get<T: FromStr>(&self, name: &str) -> Option<T> {
        field(&self.line, name)?.parse().ok()
    }

    #[inline]
    fn of_line(line: &str) -> Result<Self> {
        // `CLIENT INFO` ends its line, and the lines of a list are without their ends.
        let line = line.trim_end();
        let number = |name: &str| field(line, name).and_then(|text| text.parse::<u64>().ok());
        // What a server does not know stands there with nothing behind the `=`.
        let text = |name: &str| {
            let text = field(line, name)?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let seconds = |name: &str| Duration::from_secs(number(name).unwrap_or_default());
        let Some((id, address)) = number("id").zip(text("addr")) else {
            return Err(Error::conversion("the line of a client has no id and addr"));
        };
        Ok(Self {
            id,
            address,
            local_address: text("laddr"),
            name: text("name"),
            age: seconds("age"),
            idle: seconds("idle"),
            flags: text("flags").unwrap_or_default(),
            database: number("db").unwrap_or_default(),
            user: text("user"),
            // A connection that has sent no command yet.
            last_command: text("cmd").filter(|name| name != "NULL"),
            protocol: number("resp").and_then(|number| number.try_into().ok()),
            // Clients may say either without the other.
            library: text("lib-name").zip(field(line, "lib-ver").map(str::to_owned)),
            memory: number("tot-mem"),
            line: line.to_owned(),
        })
    }
}

/// What stands behind `name=` in a line of such fields. No value has a space.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    // A value may hold a `=`, as a name of a client may: the first one ends the name.
    value_of(name, line.split(' '), '=')
}

impl FromValue for ClientInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        Self::of_line(&lossy(value)?)
    }

    /// `CLIENT LIST` is one text with a line for each.
    #[inline]
    fn list_from_value(value: Value) -> Result<Vec<Self>> {
        // A text of a format of its own on RESP3, a plain string on RESP2.
        let mut list = Vec::new();
        for line in lossy(value)?.lines() {
            list.push(Self::of_line(line)?);
        }
        Ok(list)
    }
}

/// Which keys the server tracks for a connection: see
/// [`Commands::client_trackinginfo`](crate::Commands::client_trackinginfo).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TrackingInfo {
    /// Such as `off`, `on`, `bcast`.
    pub flags: Vec<String>,
    /// To which connection the notices go, if to another.
    pub redirect: Option<u64>,
    /// What the keys begin with, if not all are tracked.
    pub prefixes: Vec<Vec<u8>>,
}

impl FromValue for TrackingInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of CLIENT TRACKINGINFO")?;
        let redirect: i64 = fields.need("redirect");
        let made = Self {
            flags: fields.take("flags"),
            // -1: it tracks none. 0: to itself.
            redirect: u64::try_from(redirect).ok().filter(|id| *id > 0),
            prefixes: fields.take("prefixes"),
        };
        fields.end()?;
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_any_version_are_read() {
        let old = "id=4 addr=127.0.0.1:1 fd=7 name= age=3 idle=1 flags=N db=2 sub=0 cmd=NULL";
        let new = "id=5 addr=[::1]:2 laddr=[::1]:3 name=\u{ff}=x flags=bx db=0 cmd=client|list user=a \
                   resp=3 lib-name=hitless lib-ver= tot-mem=17 news=1";
        let list = Vec::<ClientInfo>::from_value(Value::bulk(format!("{old}\n{new}\n"))).unwrap();
        let [old, new] = &list[..] else {
            panic!("{list:?}")
        };
        assert_eq!(
            (old.id, old.database, old.age),
            (4, 2, Duration::from_secs(3))
        );
        assert_eq!(
            (&old.name, &old.last_command, &old.library),
            (&None, &None, &None)
        );
        assert_eq!(old.local_address, None);
        assert_eq!(new.name.as_deref(), Some("\u{ff}=x"));
        assert_eq!((new.flags.as_str(), new.protocol), ("bx", Some(3)));
        assert_eq!(new.library, Some(("hitless".to_owned(), String::new())));
        assert_eq!((new.memory, new.get("news")), (Some(17), Some(1)));
        assert_eq!(new.get::<u64>("name"), None);
        assert!(ClientInfo::from_value(Value::bulk("addr=1")).is_err());
    }
}
