//! A client that knows nothing but frames.

use hitless::sim::{Node, Sim};
use hitless::unstable::{Decoder, Frame, encode};
use hitless::{Limits, Push, Value};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long anything may take that must happen.
pub const SOON: Duration = Duration::from_secs(10);

/// A byte stream with a read timeout.
pub trait Stream: Read + Write + Send {
    fn timeout(&self, wait: Duration);
}

impl Stream for TcpStream {
    fn timeout(&self, wait: Duration) {
        self.set_read_timeout(Some(wait.max(Duration::from_millis(1))))
            .unwrap();
    }
}

pub struct Client {
    pub stream: Box<dyn Stream>,
    decoder: Decoder,
    pending: Vec<u8>,
    replies: VecDeque<Value>,
    pushes: VecDeque<Push>,
    /// When the latest push was read.
    pub last_push: Option<Instant>,
}

#[derive(Debug, PartialEq)]
pub enum End {
    Closed,
    Reset,
    Silence,
    Malformed,
}

pub fn now() -> Instant {
    #[allow(clippy::disallowed_methods, reason = "a test is its own clock")]
    Instant::now()
}

impl Client {
    pub fn new(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            decoder: Decoder::new(Limits::default()),
            pending: Vec::new(),
            replies: VecDeque::new(),
            pushes: VecDeque::new(),
            last_push: None,
        }
    }

    pub fn dial(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&addr, SOON).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::new(stream)
    }

    pub fn on(sim: &Sim, node: Node) -> Self {
        Self::dial(sim.addr(node))
    }

    /// A RESP3 connection.
    pub fn resp3(sim: &Sim, node: Node) -> Self {
        let mut client = Self::on(sim, node);
        assert!(matches!(client.call("HELLO 3"), Value::Map(_)));
        client
    }

    /// A RESP3 connection that has asked for notifications.
    pub fn opted_in(sim: &Sim, node: Node, kind: &str) -> Self {
        let mut client = Self::resp3(sim, node);
        let opt_in = match kind {
            "" => "CLIENT MAINT_NOTIFICATIONS ON".to_owned(),
            kind => format!("CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type {kind}"),
        };
        assert_eq!(client.call(&opt_in), Value::Okay);
        client
    }

    pub fn send_args(&mut self, args: &[&[u8]]) {
        let mut bytes = Vec::new();
        encode::command(&mut bytes, args);
        self.stream.write_all(&bytes).unwrap();
    }

    pub fn send(&mut self, line: &str) {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.send_args(&words);
    }

    pub fn call(&mut self, line: &str) -> Value {
        self.send(line);
        self.reply()
    }

    /// Reads once, until `deadline` at most.
    fn fill(&mut self, deadline: Instant) -> Result<(), End> {
        let left = deadline.saturating_duration_since(now());
        if left.is_zero() {
            return Err(End::Silence);
        }
        self.stream.timeout(left);
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Err(End::Closed),
            Ok(read) => self.pending.extend_from_slice(&buffer[..read]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(End::Silence);
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(End::Reset),
        }
        loop {
            let step = self
                .decoder
                .decode(&self.pending)
                .map_err(|_| End::Malformed)?;
            self.pending.drain(..step.consumed);
            match step.frame {
                Some(Frame::Push(push)) => {
                    self.last_push = Some(now());
                    self.pushes.push_back(push);
                }
                Some(Frame::Reply(value)) => self.replies.push_back(value),
                None => return Ok(()),
            }
        }
    }

    /// Reads so many bytes as they come, past the decoder.
    pub fn raw(&mut self, size: usize) -> Vec<u8> {
        assert!(self.pending.is_empty() && self.pushes.is_empty());
        self.stream.timeout(SOON);
        let mut bytes = vec![0; size];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    pub fn try_reply(&mut self, wait: Duration) -> Result<Value, End> {
        let deadline = now() + wait;
        loop {
            if let Some(reply) = self.replies.pop_front() {
                return Ok(reply);
            }
            self.fill(deadline)?;
        }
    }

    pub fn try_push(&mut self, wait: Duration) -> Result<Push, End> {
        let deadline = now() + wait;
        loop {
            if let Some(push) = self.pushes.pop_front() {
                return Ok(push);
            }
            self.fill(deadline)?;
        }
    }

    pub fn reply(&mut self) -> Value {
        self.try_reply(SOON).expect("a reply")
    }

    pub fn push(&mut self) -> Push {
        self.try_push(SOON).expect("a push")
    }

    /// The text of an error reply.
    pub fn refusal(&mut self, line: &str) -> String {
        match self.call(line) {
            Value::Error(error) => format!("{} {}", error.code(), error.text()),
            other => panic!("{line} was not refused but answered {other:?}"),
        }
    }

    /// Reads until the connection ends and says how.
    pub fn end(&mut self) -> End {
        let deadline = now() + SOON;
        loop {
            if let Err(end) = self.fill(deadline) {
                return end;
            }
        }
    }

    /// How many pushes have been received and not been looked at.
    pub fn pushes_read(&self) -> usize {
        self.pushes.len()
    }

    /// Everything that has been received and not been looked at, after one round trip: whatever was
    /// sent before the reply to it is here.
    pub fn pushes_so_far(&mut self) -> Vec<Push> {
        let pong = self.call("PING");
        assert!(
            matches!(&pong, Value::Simple(text) if text == b"PONG"),
            "{pong:?}"
        );
        self.pushes.drain(..).collect()
    }
}

/// A push written as a line, for comparing.
pub fn line(push: &Push) -> String {
    let mut text = String::from_utf8_lossy(&push.kind).into_owned();
    for arg in &push.args {
        text.push(' ');
        text.push_str(&show(arg));
    }
    text
}

/// A value written compactly, for comparing.
pub fn show(value: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(show).collect::<Vec<_>>().join(" ");
    match value {
        Value::Array(items) => format!("[{}]", list(items)),
        Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Simple(bytes) => format!("+{}", String::from_utf8_lossy(bytes)),
        Value::Int(n) => format!(":{n}"),
        Value::Nil => "nil".into(),
        Value::Okay => "+OK".into(),
        Value::Error(error) => format!("-{} {}", error.code(), error.text()),
        other => format!("{other:?}"),
    }
}
