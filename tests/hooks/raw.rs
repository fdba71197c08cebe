//! A server that writes down what it reads, and when.

use hitless::unstable::{Decoder, Frame};
use hitless::{Limits, Value};
use std::io::{Read, Write};

/// How the request for notifications is answered.
pub enum Answers {
    Accept,
    /// And these bytes follow in the same write.
    AcceptWith(Vec<u8>),
}

/// What a connection brought.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many reads it took.
    pub reads: usize,
    pub commands: Vec<String>,
}

/// Serves one connection until its end. What came in one read is answered in one write.
pub fn serve(stream: &mut (impl Read + Write), answers: &Answers) -> Seen {
    let mut seen = Seen::default();
    let mut decoder = Decoder::new(Limits::default());
    let mut pending = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return seen,
            Ok(read) => read,
        };
        seen.reads += 1;
        pending.extend_from_slice(&buffer[..read]);
        let mut replies = Vec::new();
        loop {
            let step = decoder.decode(&pending).unwrap();
            pending.drain(..step.consumed);
            match step.frame {
                Some(Frame::Reply(Value::Array(words))) => {
                    let word = |word: &Value| match word {
                        Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                        other => panic!("{other:?}"),
                    };
                    let words: Vec<String> = words.iter().map(word).collect();
                    let command = words.join(" ");
                    replies.extend_from_slice(match words[0].as_str() {
                        "HELLO" => b"%2\r\n$5\r\nproto\r\n:3\r\n$7\r\nversion\r\n$5\r\n8.0.2\r\n",
                        "PING" => b"+PONG\r\n",
                        _ => b"+OK\r\n",
                    });
                    if let (Answers::AcceptWith(push), true) = (answers, command.contains("MAINT"))
                    {
                        replies.extend_from_slice(push);
                    }
                    seen.commands.push(command);
                }
                Some(frame) => panic!("{frame:?}"),
                None => break,
            }
        }
        if stream.write_all(&replies).is_err() {
            return seen;
        }
    }
}
