//! What is written, and what the replies mean. Keeps no bytes and no time.

use super::{Answer, Handshake, Progress, Refusal, Refused, ServerHello, Step};
use crate::protocol::{Pairs, Protocol, Secret, ServerError, Value, encode};
use std::collections::VecDeque;

/// The opening of one connection.
///
/// The caller writes what [`Script::poll_write`] yields, then passes each reply to
/// [`Script::handle_reply`]; pushes may arrive between the replies and are none of them.
#[derive(Debug)]
pub struct Script {
    /// What is asked for. Holds the password, so it is never printed.
    opening: Handshake,
    /// Where it stands; see the drawing in the head of `handshake`.
    phase: Phase,
    /// The commands whose replies are outstanding, in order.
    awaiting: VecDeque<Step>,
    /// What the server has said so far.
    greeting: ServerHello,
}

/// Where the script stands; the module head has the drawing.
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
    pub fn new(opening: Handshake) -> Self {
        let maintenance = match (opening.maintenance, opening.protocol) {
            (None, _) => Answer::NotAsked,
            // Until the server has answered.
            (Some(_), _) => Answer::NotPossible,
        };
        let greeting = ServerHello {
            protocol: opening.protocol,
            client_id: None,
            server: None,
            version: None,
            role: None,
            mode: None,
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
        // Enough for the whole opening with usual names.
        let mut out = Vec::with_capacity(256);
        self.write_login(&mut out);
        self.write_preparation(&mut out);
        // The rest is answered also by a server that reads its data and serves nobody yet.
        // Last, so that its reply also shows that nothing behind the login is outstanding.
        self.say(&mut out, Step::Ping, &[b"PING"]);
        Some(out)
    }

    /// Takes the reply to the oldest command that has none yet.
    ///
    /// # Errors
    ///
    /// [`Refused`]: the connection is of no use and must be closed.
    pub fn handle_reply(&mut self, reply: Value) -> Result<Progress, Refused> {
        // A server that answers more than it was asked is out of step, and every later reply would go to
        // the wrong command.
        let Some(step) = self.awaiting.pop_front() else {
            return Err(Refused {
                step: Step::Ping,
                kind: Refusal::Unexpected,
                error: None,
            });
        };
        // While draining, replies to the refused attempt are only counted.
        if self.phase == Phase::Asked {
            match reply.into_plain() {
                Value::Error(error) => self.on_error(step, error)?,
                answer => self.on_answer(step, &answer)?,
            }
        }
        if !self.awaiting.is_empty() {
            return Ok(Progress::MoreReplies);
        }
        // All replies to the first write are in: the second may be written without mixing them up.
        if self.phase == Phase::Draining {
            self.phase = Phase::Ready;
            return Ok(Progress::MoreToWrite);
        }
        self.phase = Phase::Done;
        // Only at the end: the refusal of an optional step must not hide that the login failed.
        self.check_required(None)?;
        Ok(Progress::Done(self.greeting.clone()))
    }

    /// Writes one command, and remembers which step its reply will answer. Replies come in the order of the
    /// commands.
    fn say(&mut self, out: &mut Vec<u8>, step: Step, arguments: &[&[u8]]) {
        encode::command(out, arguments);
        self.awaiting.push_back(step);
    }

    /// User and password, where one of them was given.
    fn credentials(&self) -> Option<(Option<String>, Secret)> {
        let Handshake {
            username, password, ..
        } = &self.opening;
        if username.is_none() && password.is_none() {
            return None;
        }
        Some((username.clone(), password.clone().unwrap_or_default()))
    }

    /// Writes `HELLO` with the login in it, or `AUTH` alone on RESP2.
    fn write_login(&mut self, out: &mut Vec<u8>) {
        let credentials = self.credentials();
        match (self.greeting.protocol, &credentials) {
            (Protocol::Resp3, None) => self.say(out, Step::Hello, &[b"HELLO", b"3"]),
            // HELLO has no form of AUTH without a user; a password alone is that of `default`.
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

    /// Writes all that follows the login. None of it waits for a reply: the whole opening costs one round
    /// trip.
    fn write_preparation(&mut self, out: &mut Vec<u8>) {
        if let Some(name) = self.opening.client_name.clone() {
            let name = name.as_bytes();
            self.say(out, Step::ClientName, &[b"CLIENT", b"SETNAME", name]);
        }
        if let Some((name, version)) = self.opening.library.clone() {
            // Since Redis 7.2. Older servers refuse it, which is tolerated and remembered in
            // `tolerated`.
            let words: [&[u8]; 4] = [b"CLIENT", b"SETINFO", b"LIB-NAME", name.as_bytes()];
            self.say(out, Step::LibraryName, &words);
            let words: [&[u8]; 4] = [b"CLIENT", b"SETINFO", b"LIB-VER", version.as_bytes()];
            self.say(out, Step::LibraryVersion, &words);
        }
        // Left out for 0, because proxies of clusters refuse SELECT, whatever the number.
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

    /// An error reply to one step. What is optional is noted and passed over; anything else ends the
    /// opening, and the kind of refusal tells the caller whether dialling again could help.
    fn on_error(&mut self, step: Step, error: ServerError) -> Result<(), Refused> {
        // First, because the text may be gone after `scrub`.
        let kind = classify(step, &error);
        let is_optional = matches!(
            step,
            Step::ClientName | Step::LibraryName | Step::LibraryVersion | Step::Maintenance
        );
        // A server in protected mode says so first, and closes.
        let is_harmless =
            matches!(kind, Refusal::Other | Refusal::Permission) && error.code() != "DENIED";
        // Whoever says that a command is unknown or forbidden, or why it must wait, is alive.
        let is_alive = kind == Refusal::Permission
            || is_unknown_command(&error)
            || is_harmless && STATES.contains(&error.code());
        let understood = step != Step::Hello || self.proves_hello(kind, &error);
        let error = self.scrub(step, kind, error);
        // The password may have been judged by nobody: the login is sent again as AUTH.
        if !understood {
            return self.on_no_resp3(Some(error));
        }
        match step {
            Step::Ping if is_alive => Ok(()),
            Step::Maintenance if is_harmless => {
                self.on_maintenance(Answer::Refused(error));
                Ok(())
            }
            _ if is_optional && is_harmless => {
                self.greeting.tolerated.push((step, error));
                Ok(())
            }
            _ => Err(Refused {
                step,
                kind,
                error: Some(error),
            }),
        }
    }

    /// The server does not speak RESP3: the rest of the replies is drained, then RESP2 is tried, if that
    /// will do.
    fn on_no_resp3(&mut self, error: Option<ServerError>) -> Result<(), Refused> {
        self.greeting.protocol = Protocol::Resp2;
        self.check_required(error.clone())?;
        if !self.opening.resp2_will_do {
            return Err(Refused {
                step: Step::Hello,
                kind: Refusal::Resp3,
                error,
            });
        }
        self.phase = Phase::Draining;
        Ok(())
    }

    /// Whether an error to `HELLO` shows that the server knows the command: it judged the login, or
    /// spoke of its own state. A wrong guess costs one more round trip, no more: the second write logs
    /// in afresh, and a login that was refused is not tried again.
    fn proves_hello(&self, kind: Refusal, error: &ServerError) -> bool {
        match kind {
            Refusal::Loading | Refusal::TooManyClients => true,
            // Who had read the login would not ask for one.
            Refusal::Credentials => error.code() != "NOAUTH" || self.credentials().is_none(),
            _ => STATES.contains(&error.code()),
        }
    }

    /// Servers repeat arguments in their errors, so the text goes where the password may be in it, or
    /// the user.
    fn scrub(&self, step: Step, kind: Refusal, error: ServerError) -> ServerError {
        let Some((user, password)) = self.credentials() else {
            return error;
        };
        let has = |text: &str, secret: &[u8]| !secret.is_empty() && holds(text, secret);
        let user = user.unwrap_or_default();
        let repeated = |text: &str| has(text, password.expose()) || has(text, user.as_bytes());
        // A proxy that puts the arguments first makes its code of them.
        if repeated(error.code()) {
            return ServerError::new("ERR", "");
        }
        // These speak of the server. Arguments are repeated in quotes, and may be cut or escaped.
        let of_server =
            matches!(kind, Refusal::Loading | Refusal::TooManyClients) || error.code() == "NOAUTH";
        let is_plain = of_server && !error.text().contains(['\'', '"', '`']);
        let is_login = matches!(step, Step::Hello | Step::Auth);
        // Errors to the login lose their text even where the secret is not found in it: it may be there
        // cut or escaped.
        if is_login && !is_plain || repeated(error.text()) {
            return error.without_text();
        }
        error
    }

    /// A reply to one step that is no error. What does not have the shape that the step must have ends the
    /// opening: something other than a Redis server answers.
    fn on_answer(&mut self, step: Step, answer: &Value) -> Result<(), Refused> {
        let expected = match step {
            Step::Hello => {
                let is_greeting = self.read_hello(answer);
                // Some proxies accept `HELLO 3` and answer `proto 2`.
                if is_greeting && self.greeting.protocol == Protocol::Resp2 {
                    self.check_required(None)?;
                    if !self.opening.resp2_will_do {
                        return Err(Refused {
                            step,
                            kind: Refusal::Resp3,
                            error: None,
                        });
                    }
                }
                is_greeting
            }
            Step::Auth | Step::Select => answer.is_okay(),
            Step::Maintenance => {
                self.on_maintenance(if answer.is_okay() {
                    Answer::Granted
                } else {
                    {
                        let text = format!("answered with {}", answer.kind());
                        Answer::Refused(ServerError::new("ERR", &text))
                    }
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
            // A flat list of names and values is how a RESP2 connection gets its greeting.
            Value::Array(items) => (items.clone(), Protocol::Resp2),
            _ => return false,
        };
        let Ok(pairs) = Pairs::from_flat(elements) else {
            return false;
        };
        let text = |key: &[u8]| {
            let bytes = pairs.get(key)?.as_bytes()?;
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        self.greeting.protocol = match pairs.get(b"proto").and_then(Value::parse_int) {
            Some(3) => Protocol::Resp3,
            Some(_) => Protocol::Resp2,
            // Stand-ins for Redis leave it out; the form of the reply tells then.
            None => default,
        };
        self.greeting.client_id = pairs.get(b"id").and_then(Value::parse_int);
        self.greeting.server = text(b"server");
        self.greeting.version = text(b"version");
        self.greeting.role = text(b"role");
        self.greeting.mode = text(b"mode");
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

/// Errors by which a server speaks of its own state, whatever was asked.
const STATES: [&str; 6] = [
    "BUSY",
    "CLUSTERDOWN",
    "DENIED",
    "MASTERDOWN",
    "MISCONF",
    "TRYAGAIN",
];

/// How servers and proxies word a refused login, where they have no code for it.
const LOGIN_REFUSED: [&str; 6] = [
    "auth failed",
    "authentication fail",
    "invalid password",
    "invalid username",
    "no password is set",
    "without any password",
];

/// What an error means, whichever command it answers; `Other` where it means nothing special.
fn classify(step: Step, error: &ServerError) -> Refusal {
    match (error.code(), step) {
        ("LOADING", _) => Refusal::Loading,
        ("WRONGPASS" | "NOAUTH", _) => Refusal::Credentials,
        // The first reply of a server that is full, whatever was asked.
        ("ERR", _) if error.text().starts_with("max number of clients") => Refusal::TooManyClients,
        ("ERR", Step::Hello) if refuses_login(error) => Refusal::Credentials,
        // The user may not leave database 0, which no second attempt changes.
        ("NOPERM", Step::Select) => Refusal::Database,
        ("NOPERM", _) => Refusal::Permission,
        (code, _) if STATES.contains(&code) => Refusal::Other,
        // Whatever else a server says to AUTH, the login did not succeed.
        (_, Step::Auth) => Refusal::Credentials,
        (_, Step::Select) => Refusal::Database,
        _ => Refusal::Other,
    }
}

/// Whether an error speaks of a wrong or missing login. Servers and their versions word it differently, and
/// only some give it a code.
fn refuses_login(error: &ServerError) -> bool {
    let text = error.text().to_ascii_lowercase();
    !is_unknown_command(error)
        && LOGIN_REFUSED
            .iter()
            .any(|words| holds(&text, words.as_bytes()))
}

/// Whether these bytes, of which there are some, stand in a line.
fn holds(line: &str, part: &[u8]) -> bool {
    // Not `str::contains` or `memmem`: to find something short in one line, they are a great deal of code.
    line.as_bytes().windows(part.len()).any(|at| at == part)
}

/// Whether the server does not know the command, which proves that it is alive and only older than the
/// command.
fn is_unknown_command(error: &ServerError) -> bool {
    let line = error.to_string().to_ascii_lowercase();
    let line = line.strip_prefix("err ").unwrap_or(&line);
    line.starts_with("unknown command") || line.starts_with("unsupported command")
}
