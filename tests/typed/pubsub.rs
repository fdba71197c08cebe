//! Publishing, and what is known of subscriptions.

use crate::trial::everywhere;
use hitless::Commands;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

#[test]
fn pubsub() {
    everywhere("pubsub", |t| {
        // A connection of its own: a client that threads share has no subscriptions.
        let address = t.client.options().get_endpoint().to_string();
        let stream = TcpStream::connect(address).unwrap();
        let mut replies = BufReader::new(stream.try_clone().unwrap());
        let subscriptions: [&[u8]; 3] = [
            b"SUBSCRIBE news\r\n",
            b"*2\r\n$10\r\nSSUBSCRIBE\r\n$2\r\n\xff!\r\n",
            b"PSUBSCRIBE n*\r\n",
        ];
        for subscription in subscriptions {
            (&stream).write_all(subscription).unwrap();
            // Each is confirmed with its kind, its channel and a number: six lines.
            for _ in 0..6 {
                let mut line = Vec::new();
                replies.read_until(b'\n', &mut line).unwrap();
            }
        }
        // Once for the channel, and once for the pattern.
        says!(t, publish("news", b"\xff") => 2);
        says!(t, publish("other", 1) => 0);
        says!(t, spublish(b"\xff!", b"\x00") => 1);
        says!(t, pubsub_channels("n*") => vec!["news".to_owned()]);
        says!(t, pubsub_channels("x*") => Vec::<String>::new());
        says!(t, pubsub_numsub(["news", "none"]) => vec![("news".to_owned(), 1), ("none".to_owned(), 0)]);
        says!(t, pubsub_numpat() => 1);
        says!(t, pubsub_shardchannels("*") => vec![b"\xff!".to_vec()]);
        says!(t, pubsub_shardnumsub(b"\xff!") => vec![(b"\xff!".to_vec(), 1)]);
        // So that it has ended on the server before the next form is tried.
        (&stream).write_all(b"QUIT\r\n").unwrap();
        while replies.read_until(b'\n', &mut Vec::new()).unwrap_or(0) > 0 {}
    });
}
