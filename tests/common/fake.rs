//! A server that does exactly what a test tells it, and nothing that a server should.

use hitless::unstable::{Decoder, Frame};
use hitless::{Limits, Value};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The words of one command.
pub type Words = Vec<Vec<u8>>;

/// Accepts connections and serves each by a script, on a thread of its own.
pub struct Fake {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accept: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// One connection, as its script sees it.
pub struct Peer {
    pub stream: TcpStream,
    /// Counts from 0.
    pub number: usize,
    /// What the opening said, in order.
    pub said: Vec<Words>,
    decoder: Decoder,
    pending: Vec<u8>,
    /// Whether the `PING` that ends the opening has come.
    opened: bool,
}

impl Fake {
    /// Serves every connection by `script`, which ends when the connection does.
    pub fn start(script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::on(listener, script)
    }

    /// As [`start`](Self::start), on a socket that listens already.
    pub fn on(
        listener: TcpListener,
        script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let (shared, script) = (Arc::new(Shared::default()), Arc::new(script));
        let accept = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for number in 0.. {
                    let Ok((stream, _)) = listener.accept() else {
                        return;
                    };
                    if shared.over.load(Ordering::Acquire) {
                        return;
                    }
                    stream.set_nodelay(true).unwrap();
                    shared
                        .streams
                        .lock()
                        .unwrap()
                        .push(stream.try_clone().unwrap());
                    let script = Arc::clone(&script);
                    let serve = move || {
                        let decoder = Decoder::new(Limits::default());
                        let (said, pending) = (Vec::new(), Vec::new());
                        let mut peer = Peer {
                            stream,
                            number,
                            said,
                            decoder,
                            pending,
                            opened: false,
                        };
                        // An error is the end of the connection, which is what ends every script.
                        let _ = script(&mut peer);
                        let _ = peer.stream.shutdown(Shutdown::Both);
                    };
                    shared
                        .threads
                        .lock()
                        .unwrap()
                        .push(std::thread::spawn(serve));
                }
            }
        });
        Self {
            address,
            shared,
            accept: Some(accept),
        }
    }

    /// How many connections were accepted.
    pub fn accepted(&self) -> usize {
        self.shared.streams.lock().unwrap().len()
    }

    /// Sends bytes on one connection, whatever its script does.
    pub fn send(&self, number: usize, bytes: impl AsRef<[u8]>) {
        let mut stream = &self.shared.streams.lock().unwrap()[number];
        stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Closes all connections, and goes on listening.
    pub fn cut(&self) {
        for stream in &*self.shared.streams.lock().unwrap() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        if let Some(accept) = self.accept.take() {
            let _ = accept.join();
        }
        self.cut();
        let threads = std::mem::take(&mut *self.shared.threads.lock().unwrap());
        for thread in threads {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

impl Peer {
    /// The next command, whatever it is.
    pub fn read(&mut self) -> io::Result<Words> {
        let mut room = vec![0; 64 << 10];
        loop {
            let step = self
                .decoder
                .decode(&self.pending)
                .map_err(io::Error::other)?;
            self.pending.drain(..step.consumed);
            match step.frame {
                Some(Frame::Reply(Value::Array(words))) => {
                    let bytes = |word: Value| word.into_bytes().map_err(|_| io::Error::other("?"));
                    return words.into_iter().map(bytes).collect();
                }
                Some(_) => return Err(io::Error::other("not a command")),
                None => {}
            }
            let count = self.stream.read(&mut room)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.pending.extend_from_slice(&room[..count]);
        }
    }

    /// The next command after the opening, which is answered as a server of today does.
    pub fn next(&mut self) -> io::Result<Words> {
        loop {
            let words = self.read()?;
            let is_last = !self.opened && words[0] == b"PING";
            self.opened |= is_last;
            let answer = if is_last {
                Some("+PONG\r\n")
            } else {
                opening_answer(&words)
            };
            let Some(answer) = answer else {
                return Ok(words);
            };
            self.said.push(words);
            self.send(answer)?;
        }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Answers everything as [`answer`] does until the connection ends.
    pub fn serve(&mut self) -> io::Result<()> {
        loop {
            let words = self.next()?;
            self.send(answer(&words))?;
        }
    }
}

/// What a server of today answers to a command of the opening.
pub fn opening_answer(words: &Words) -> Option<&'static str> {
    let name = words[0].to_ascii_uppercase();
    Some(match name.as_slice() {
        b"HELLO" => "%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n",
        b"AUTH" | b"SELECT" => "+OK\r\n",
        b"CLIENT" if !words[1].eq_ignore_ascii_case(b"ID") => "+OK\r\n",
        _ => return None,
    })
}

/// `ECHO` its argument, `PING`, and `+OK` to everything else.
pub fn answer(words: &Words) -> Vec<u8> {
    match words[0].to_ascii_uppercase().as_slice() {
        b"ECHO" => bulk(&words[1]),
        b"PING" => b"+PONG\r\n".to_vec(),
        _ => b"+OK\r\n".to_vec(),
    }
}

/// A bulk string in the form of the wire.
pub fn bulk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("${}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}

/// `MOVING` in the form of the wire.
pub fn moving(seq: i64, seconds: i64, target: Option<&str>) -> Vec<u8> {
    let mut out = format!(">4\r\n$6\r\nMOVING\r\n:{seq}\r\n:{seconds}\r\n").into_bytes();
    match target {
        Some(target) => out.extend(bulk(target.as_bytes())),
        None => out.extend_from_slice(b"_\r\n"),
    }
    out
}
