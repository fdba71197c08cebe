//! The opening of a connection, as a script. Sends nothing itself, waits for nothing, and never
//! repeats what a server says about a password.
//!
//! Everything goes out in one write; a second one follows only where the server knows no `HELLO`.
//!
//! ```text
//!   Ready --poll_write--> Asked --last reply--> Done
//!                           |
//!                           +--HELLO refused--> Draining --last reply--> Ready again, as RESP2
//! ```

use super::{Protocol, Secret, ServerError, Value, encode};
use std::collections::VecDeque;
use std::fmt;

/// What a new connection is to become.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The protocol to ask for. RESP3 falls back to RESP2 where the server refuses it.
    pub protocol: Protocol,
    /// The user to log in as. Without a password, the empty one is sent: going on as another user
    /// than the one that was named would be worse than a refusal.
    pub username: Option<String>,
    /// The password; without a user name, that of the user `default`.
    pub password: Option<Secret>,
    /// The name that the connection has in `CLIENT LIST`.
    pub client_name: Option<String>,
    /// The library's name and version, as `CLIENT LIST` shows them.
    pub library: Option<(String, String)>,
    /// The database to select; zero is selected already.
    pub database: u32,
    /// Whether to ask for maintenance notifications.
    pub maintenance: Option<Ask>,
}

/// How to ask for maintenance notifications.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ask {
    /// Whether the connection is of no use without them.
    pub required: bool,
    /// How the server shall name the place to move to; `None` sends the bare command.
    pub endpoint_type: Option<MovingEndpointType>,
}

/// How a server names the place that a connection shall move to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MovingEndpointType {
    /// A host name for clients outside the server's network.
    ExternalFqdn,
    /// An address for clients outside the server's network.
    ExternalIp,
    /// A host name for clients inside the server's network.
    InternalFqdn,
    /// An address for clients inside the server's network.
    InternalIp,
    /// Not at all: the client goes where its configuration says.
    None,
}

impl MovingEndpointType {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExternalFqdn => "external-fqdn",
            Self::ExternalIp => "external-ip",
            Self::InternalFqdn => "internal-fqdn",
            Self::InternalIp => "internal-ip",
            Self::None => "none",
        }
    }
}

/// A command of the opening.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Step {
    /// `HELLO`, with the credentials if there are any.
    Hello,
    /// `AUTH`, on RESP2.
    Auth,
    /// `PING`, where there is nothing else to say: it shows whether the server lets us in.
    Ping,
    /// `CLIENT SETNAME`.
    ClientName,
    /// `CLIENT SETINFO LIB-NAME`.
    LibraryName,
    /// `CLIENT SETINFO LIB-VER`.
    LibraryVersion,
    /// `SELECT`.
    Select,
    /// `CLIENT MAINT_NOTIFICATIONS`.
    Maintenance,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hello => "HELLO",
            Self::Auth => "AUTH",
            Self::Ping => "PING",
            Self::ClientName => "CLIENT SETNAME",
            Self::LibraryName => "CLIENT SETINFO LIB-NAME",
            Self::LibraryVersion => "CLIENT SETINFO LIB-VER",
            Self::Select => "SELECT",
            Self::Maintenance => "CLIENT MAINT_NOTIFICATIONS",
        })
    }
}

/// What to do after a reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The connection is open, and no reply is outstanding.
    Done(Greeting),
    /// Replies are outstanding.
    MoreReplies,
    /// No reply is outstanding, and [`Script::poll_write`] has more to write.
    MoreToWrite,
}

/// What the server said of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Greeting {
    /// The protocol that both sides speak from here on.
    pub protocol: Protocol,
    /// The connection's number on the server; RESP3 only.
    pub client_id: Option<i64>,
    /// The server's name, for example `redis`; RESP3 only.
    pub server: Option<String>,
    /// The server's version; RESP3 only.
    pub version: Option<String>,
    /// `master` or `replica`; RESP3 only.
    pub role: Option<String>,
    /// Whether maintenance notifications will come.
    pub maintenance: Answer,
    /// Steps that the server refused and that the connection does without.
    pub tolerated: Vec<(Step, ServerError)>,
}

/// What became of the question for maintenance notifications.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// They will come.
    Granted,
    /// Nobody asked for them.
    NotAsked,
    /// The connection speaks RESP2, which cannot carry them.
    NotPossible,
    /// The server does not send them.
    Refused(ServerError),
}

/// Why the connection cannot be used. It must be closed: replies may be outstanding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// The command that failed.
    pub step: Step,
    /// What the failure means.
    pub kind: Refusal,
    /// The server's error. Without its text for [`Step::Hello`] and [`Step::Auth`], in which
    /// servers repeat the password; `None` where the server sent no error.
    pub error: Option<ServerError>,
}

/// What a failed opening means for the next attempt.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Refusal {
    /// The user or password is wrong or missing: the same again will fail again.
    Credentials,
    /// The database does not exist or may not be selected.
    Database,
    /// The server is reading its data and will serve soon.
    Loading,
    /// Maintenance notifications are required and cannot be had.
    Maintenance,
    /// Any other error of the server.
    Other,
    /// The user may not run the command.
    Permission,
    /// The server has as many clients as it accepts.
    TooManyClients,
    /// The server answered something that the command cannot answer.
    Unexpected,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.kind {
            Refusal::Credentials => "wrong or missing credentials",
            Refusal::Database => "database cannot be selected",
            Refusal::Loading => "server is loading its data",
            Refusal::Maintenance => "maintenance notifications are required but not available",
            Refusal::Other => "server refused",
            Refusal::Permission => "no permission",
            Refusal::TooManyClients => "server has too many clients",
            Refusal::Unexpected => "unexpected reply",
        };
        write!(f, "{} failed: {why}", self.step)?;
        match &self.error {
            Some(error) => write!(f, " ({error})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refused {}

/// The opening of one connection.
///
/// The caller writes what [`Script::poll_write`] yields, then passes each reply to
/// [`Script::handle_reply`]; pushes may arrive between the replies and are none of them.
#[derive(Debug)]
pub struct Script {
    opening: Opening,
    phase: Phase,
    /// The commands whose replies are outstanding, in order.
    awaiting: VecDeque<Step>,
    greeting: Greeting,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Something is to be written.
    Ready,
    /// Replies decide.
    Asked,
    /// `HELLO` was refused; the other replies to the first write are of no interest.
    Draining,
    /// Nothing more may come.
    Done,
}

impl Script {
    /// A script of which nothing has been written.
    pub fn new(opening: Opening) -> Self {
        let maintenance = match (opening.maintenance, opening.protocol) {
            (None, _) => Answer::NotAsked,
            // Until the server has answered.
            (Some(_), _) => Answer::NotPossible,
        };
        let greeting = Greeting {
            protocol: opening.protocol,
            client_id: None,
            server: None,
            version: None,
            role: None,
            maintenance,
            tolerated: Vec::new(),
        };
        Self {
            opening,
            phase: Phase::Ready,
            awaiting: VecDeque::new(),
            greeting,
        }
    }

    /// The bytes to write now, if any. They contain the password.
    pub fn poll_write(&mut self) -> Option<Vec<u8>> {
        if self.phase != Phase::Ready {
            return None;
        }
        self.phase = Phase::Asked;
        let mut out = Vec::with_capacity(256);
        self.write_login(&mut out);
        self.write_preparation(&mut out);
        if self.awaiting.is_empty() {
            self.say(&mut out, Step::Ping, &[b"PING"]);
        }
        Some(out)
    }

    /// Takes the reply to the oldest command that has none yet.
    ///
    /// # Errors
    ///
    /// [`Refused`]: the connection is of no use and must be closed.
    pub fn handle_reply(&mut self, reply: Value) -> Result<Progress, Refused> {
        let Some(step) = self.awaiting.pop_front() else {
            return Err(Refused {
                step: Step::Ping,
                kind: Refusal::Unexpected,
                error: None,
            });
        };
        if self.phase == Phase::Asked {
            match reply.into_plain() {
                Value::Error(error) => self.on_error(step, error)?,
                answer => self.on_answer(step, &answer)?,
            }
        }
        if !self.awaiting.is_empty() {
            return Ok(Progress::MoreReplies);
        }
        if self.phase == Phase::Draining {
            self.phase = Phase::Ready;
            return Ok(Progress::MoreToWrite);
        }
        self.phase = Phase::Done;
        self.check_required(None)?;
        Ok(Progress::Done(self.greeting.clone()))
    }

    fn say(&mut self, out: &mut Vec<u8>, step: Step, arguments: &[&[u8]]) {
        encode::command(out, arguments);
        self.awaiting.push_back(step);
    }

    /// User and password, where one of them was given.
    fn credentials(&self) -> Option<(Option<String>, Secret)> {
        let Opening {
            username, password, ..
        } = &self.opening;
        if username.is_none() && password.is_none() {
            return None;
        }
        Some((username.clone(), password.clone().unwrap_or_default()))
    }

    fn write_login(&mut self, out: &mut Vec<u8>) {
        let credentials = self.credentials();
        match (self.greeting.protocol, &credentials) {
            (Protocol::Resp3, None) => self.say(out, Step::Hello, &[b"HELLO", b"3"]),
            (Protocol::Resp3, Some((user, password))) => {
                let user = user.as_deref().unwrap_or("default").as_bytes();
                let password = password.expose();
                self.say(out, Step::Hello, &[b"HELLO", b"3", b"AUTH", user, password]);
            }
            (Protocol::Resp2, None) => {}
            // Servers before version 6 know no users, and refuse the longer form.
            (Protocol::Resp2, Some((None, password))) => {
                self.say(out, Step::Auth, &[b"AUTH", password.expose()]);
            }
            (Protocol::Resp2, Some((Some(user), password))) => {
                let user = user.as_bytes();
                self.say(out, Step::Auth, &[b"AUTH", user, password.expose()]);
            }
        }
    }

    fn write_preparation(&mut self, out: &mut Vec<u8>) {
        if let Some(name) = self.opening.client_name.clone() {
            let name = name.as_bytes();
            self.say(out, Step::ClientName, &[b"CLIENT", b"SETNAME", name]);
        }
        if let Some((name, version)) = self.opening.library.clone() {
            let words: [&[u8]; 4] = [b"CLIENT", b"SETINFO", b"LIB-NAME", name.as_bytes()];
            self.say(out, Step::LibraryName, &words);
            let words: [&[u8]; 4] = [b"CLIENT", b"SETINFO", b"LIB-VER", version.as_bytes()];
            self.say(out, Step::LibraryVersion, &words);
        }
        if self.opening.database != 0 {
            let mut digits = itoa::Buffer::new();
            let database = digits.format(self.opening.database).as_bytes();
            self.say(out, Step::Select, &[b"SELECT", database]);
        }
        if let (Some(ask), Protocol::Resp3) = (self.opening.maintenance, self.greeting.protocol) {
            let bare: [&[u8]; 3] = [b"CLIENT", b"MAINT_NOTIFICATIONS", b"ON"];
            let mut words = bare.to_vec();
            if let Some(kind) = ask.endpoint_type {
                words.extend([b"moving-endpoint-type", kind.as_str().as_bytes()]);
            }
            self.say(out, Step::Maintenance, &words);
        }
    }

    fn on_error(&mut self, step: Step, error: ServerError) -> Result<(), Refused> {
        let kind = classify(step, &error);
        match step {
            Step::Hello if kind == Refusal::Other && knows_no_hello(&error) => {
                self.greeting.protocol = Protocol::Resp2;
                self.check_required(Some(error.without_text()))?;
                self.phase = Phase::Draining;
                Ok(())
            }
            Step::Hello | Step::Auth => Err(Refused {
                step,
                kind,
                error: Some(error.without_text()),
            }),
            Step::ClientName | Step::LibraryName | Step::LibraryVersion | Step::Maintenance
                if matches!(kind, Refusal::Other | Refusal::Permission) =>
            {
                if step == Step::Maintenance {
                    self.on_maintenance(Answer::Refused(error));
                } else {
                    self.greeting.tolerated.push((step, error));
                }
                Ok(())
            }
            _ => Err(Refused {
                step,
                kind,
                error: Some(error),
            }),
        }
    }

    fn on_answer(&mut self, step: Step, answer: &Value) -> Result<(), Refused> {
        let expected = match step {
            Step::Hello => self.read_hello(answer),
            Step::Auth | Step::Select => answer.is_okay(),
            Step::Maintenance => {
                self.on_maintenance(if answer.is_okay() {
                    Answer::Granted
                } else {
                    Answer::Refused(ServerError {
                        code: "ERR".to_owned(),
                        text: format!("answered with {}", answer.kind()),
                    })
                });
                true
            }
            Step::ClientName | Step::LibraryName | Step::LibraryVersion | Step::Ping => true,
        };
        if expected {
            return Ok(());
        }
        Err(Refused {
            step,
            kind: Refusal::Unexpected,
            error: None,
        })
    }

    /// A server that stayed with RESP2 may accept the command and then deliver nothing.
    fn on_maintenance(&mut self, answer: Answer) {
        if self.greeting.protocol == Protocol::Resp3 {
            self.greeting.maintenance = answer;
        }
    }

    /// Whether the reply is one that `HELLO` can give: names and values, as a map or flat.
    fn read_hello(&mut self, answer: &Value) -> bool {
        let (elements, default) = match answer {
            Value::Map(pairs) => (pairs.clone().into_flat(), Protocol::Resp3),
            Value::Array(items) => (items.clone(), Protocol::Resp2),
            _ => return false,
        };
        let Ok(pairs) = super::Pairs::from_flat(elements) else {
            return false;
        };
        let text = |key: &[u8]| {
            let bytes = pairs.get(key)?.as_bytes()?;
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        self.greeting.protocol = match pairs.get(b"proto").and_then(Value::parse_int) {
            Some(3) => Protocol::Resp3,
            Some(_) => Protocol::Resp2,
            None => default,
        };
        self.greeting.client_id = pairs.get(b"id").and_then(Value::parse_int);
        self.greeting.server = text(b"server");
        self.greeting.version = text(b"version");
        self.greeting.role = text(b"role");
        true
    }

    /// Fails where notifications are required and known not to come.
    fn check_required(&self, cause: Option<ServerError>) -> Result<(), Refused> {
        if !self.opening.maintenance.is_some_and(|ask| ask.required) {
            return Ok(());
        }
        let error = match &self.greeting.maintenance {
            Answer::Granted | Answer::NotAsked => return Ok(()),
            Answer::NotPossible => cause,
            Answer::Refused(error) => Some(error.clone()),
        };
        Err(Refused {
            step: Step::Maintenance,
            kind: Refusal::Maintenance,
            error,
        })
    }
}

/// What an error means, whichever command it answers; `Other` where it means nothing special.
fn classify(step: Step, error: &ServerError) -> Refusal {
    match (error.code.as_str(), step) {
        ("LOADING", _) => Refusal::Loading,
        ("WRONGPASS" | "NOAUTH", _) => Refusal::Credentials,
        // The first reply of a server that is full, whatever was asked.
        ("ERR", _) if error.text.starts_with("max number of clients") => Refusal::TooManyClients,
        ("NOPERM", Step::Select) => Refusal::Database,
        ("NOPERM", _) => Refusal::Permission,
        (_, Step::Auth) => Refusal::Credentials,
        (_, Step::Select) => Refusal::Database,
        _ => Refusal::Other,
    }
}

/// Whether an error to `HELLO` says that the server speaks RESP2 only. A text that names the command
/// for another reason costs one more round trip, no more: the second write logs in afresh.
fn knows_no_hello(error: &ServerError) -> bool {
    let text = error.text.to_ascii_lowercase();
    match error.code.as_str() {
        "NOPROTO" => true,
        "ERR" => text.starts_with("unknown command") || text.contains("hello"),
        _ => false,
    }
}
