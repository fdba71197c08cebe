//! What commands of access control reply. Shows no hash of a password unless it is asked for it.

use super::server::moment;
use super::{ClientInfo, Fields};
use crate::command::FromValue;
use crate::error::Result;
use crate::protocol::Value;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A user of a server: see [`Commands::acl_getuser`](crate::Commands::acl_getuser).
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct AclUser {
    /// Such as `on`, `off` or `nopass`, in no order.
    pub flags: Vec<String>,
    /// The SHA-256 of each password, in hexadecimal digits.
    pub passwords: Vec<String>,
    /// What may be done, and where.
    pub rules: AclSelector,
    /// What may be done besides that, and where. From 7.0 on.
    pub selectors: Vec<AclSelector>,
}

/// What a user may do, by rules as `ACL SETUSER` has them.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AclSelector {
    /// Such as `-@all +@read`.
    pub commands: String,
    /// Such as `~app:* %R~other:*`.
    pub keys: String,
    /// Such as `&news`.
    pub channels: String,
    /// Such as `alldbs`. Valkey 9.1.
    pub databases: Option<String>,
}

impl AclSelector {
    #[inline]
    fn of(fields: &mut Fields) -> Self {
        Self {
            commands: fields.need_lossy("commands"),
            keys: fields.need_lossy("keys"),
            channels: fields.need_lossy("channels"),
            databases: fields.take("databases"),
        }
    }
}

impl FromValue for AclSelector {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a selector")?;
        let made = Self::of(&mut fields);
        fields.end()?;
        Ok(made)
    }
}

impl FromValue for AclUser {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a user")?;
        let made = Self {
            flags: fields.take("flags"),
            passwords: fields.take("passwords"),
            // Beside the flags, and not in a map of their own as those of selectors are.
            rules: AclSelector::of(&mut fields),
            selectors: fields.take("selectors"),
        };
        fields.end()?;
        Ok(made)
    }
}

impl fmt::Debug for AclUser {
    /// Without the hashes of passwords: short ones can be guessed from them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AclUser")
            .field("flags", &self.flags)
            .field(
                "passwords",
                &format_args!("{} hashes", self.passwords.len()),
            )
            .field("rules", &self.rules)
            .field("selectors", &self.selectors)
            .finish()
    }
}

/// Something that the server refused a user: see [`Commands::acl_log`](crate::Commands::acl_log).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AclLogEntry {
    /// How often within a minute.
    pub count: u64,
    /// `command`, `key`, `channel`, `database` or `auth`.
    pub reason: String,
    /// Where it stood: `toplevel`, `multi`, `lua` or `module`.
    pub context: String,
    /// The command, key or channel that was refused. Keys may be any bytes.
    pub object: Vec<u8>,
    /// Who was refused it. Names may be any bytes.
    pub username: Vec<u8>,
    /// For how long the entry is there, in steps of 1 ms.
    pub age: Duration,
    /// The connection that was refused it.
    pub client: ClientInfo,
    /// Its number. Redis 7.2, Valkey.
    pub id: Option<u64>,
    /// When it was refused first, in steps of 1 ms. Redis 7.2, Valkey.
    pub created: Option<SystemTime>,
    /// When it was refused last, in steps of 1 ms. Redis 7.2, Valkey.
    pub updated: Option<SystemTime>,
}

impl FromValue for AclLogEntry {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "an entry of ACL LOG")?;
        // A text on RESP2.
        let seconds: f64 = fields.need("age-seconds");
        let mut at = |name| {
            let millis: Option<u64> = fields.take(name);
            millis.map(|millis| moment(Duration::from_millis(millis)))
        };
        let (created, updated) = (at("timestamp-created"), at("timestamp-last-updated"));
        let made = Self {
            count: fields.need("count"),
            reason: fields.need("reason"),
            context: fields.need("context"),
            object: fields.need("object"),
            username: fields.need("username"),
            age: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
            client: fields.must("client-info")?,
            id: fields.take("entry-id"),
            created,
            updated,
        };
        fields.end()?;
        Ok(made)
    }
}
