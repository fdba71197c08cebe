//! Records of TLS as they arrive: several in one read, cut at every byte, broken behind a good one.

use super::*;

/// Both ends after a handshake, with all that TLS says on its own account read, and what lies between them.
fn relayed(version: Protocol) -> (Encrypted, Encrypted, Socket, Socket) {
    let (client, near) = wire::connected(false);
    let (far, server) = wire::connected(false);
    let shaking = start(move || both_ends_of(version, (client, server)));
    for socket in [&near, &far] {
        socket.set_nonblocking(true).unwrap();
    }
    let mut ends = None;
    eventually("the handshake is over", || {
        forward(&near, &far);
        forward(&far, &near);
        ends = ends.take().or_else(|| shaking.try_recv().ok());
        ends.is_some()
    });
    let (client, server) = ends.unwrap();
    // Tickets of TLS 1.3 come before this byte.
    server.try_write(b"!").unwrap();
    let mut byte = [0];
    eventually("the first byte is there", || {
        forward(&far, &near);
        client.try_read(&mut byte).is_ok()
    });
    (client, server, near, far)
}

fn forward(from: &Socket, to: &Socket) {
    let mut buf = [0; 4096];
    while let Ok(count @ 1..) = plain::recv(from, &mut buf) {
        plain::send(to, &buf[..count]).unwrap();
    }
}

/// What the server sends, as it stands on the wire: a record for each text.
fn records(server: &Encrypted, far: &Socket, texts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buf = [0; 4096];
    for text in texts {
        assert_eq!(server.try_write(text).unwrap(), text.len());
    }
    let whole = |bytes: &[u8]| {
        let mut rest = bytes;
        let mut count = 0;
        while rest.len() >= 5 {
            let length = 5 + usize::from(u16::from_be_bytes([rest[3], rest[4]]));
            let Some(next) = rest.get(length..) else {
                break;
            };
            rest = next;
            count += 1;
        }
        count
    };
    eventually("the records are there", || {
        if let Ok(count) = plain::recv(far, &mut buf) {
            bytes.extend_from_slice(&buf[..count]);
        }
        whole(&bytes) == texts.len()
    });
    bytes
}

const VERSIONS: [Protocol; 2] = [Protocol::Tlsv12, Protocol::Tlsv13];

#[test]
fn records_that_come_together_are_read_together_and_left_ones_are_not_slept_on() {
    for version in VERSIONS {
        let (client, server, near, far) = relayed(version);
        let client = Arc::new(client);
        let bytes = records(&server, &far, &[b"reply", b"push", b"more"]);
        plain::send(&near, &bytes).unwrap();
        // Room for the first record only: the others lie where no poll sees them.
        let mut first = [0; 5];
        client.wait_readable().unwrap();
        eventually("all has arrived", || client.try_read(&mut first).is_ok());
        assert_eq!(&first, b"reply");
        assert!(plain::is_silent(client.socket()).unwrap());
        assert!(!client.is_silent().unwrap());
        let waiting = Arc::clone(&client);
        end(&start(move || waiting.wait_readable())).unwrap();
        let mut rest = [0; 64];
        assert_eq!(client.try_read(&mut rest).unwrap(), 8);
        assert_eq!(&rest[..8], b"pushmore");
        assert!(client.is_silent().unwrap());
    }
}

#[test]
fn records_may_be_cut_at_every_byte() {
    for version in VERSIONS {
        let (client, server, near, far) = relayed(version);
        let length = records_sent(&server, &far, &near, &client, 0);
        for cut in 1..length {
            records_sent(&server, &far, &near, &client, cut);
        }
    }
}

/// Sends two records, the first `cut` bytes alone, and reads both. Returns how long they are on the wire.
fn records_sent(
    server: &Encrypted,
    far: &Socket,
    near: &Socket,
    client: &Encrypted,
    cut: usize,
) -> usize {
    let bytes = records(server, far, &[b"reply", b"push"]);
    let mut got = Vec::new();
    let mut buf = [0; 64];
    for part in [&bytes[..cut], &bytes[cut..]] {
        plain::send(near, part).unwrap();
        if !part.is_empty() {
            ready::wait(client.socket(), Interest::Read, None).unwrap();
        }
        while let Ok(count @ 1..) = client.try_read(&mut buf) {
            got.extend_from_slice(&buf[..count]);
        }
    }
    assert_eq!(got, b"replypush", "cut at {cut}");
    assert!(client.is_silent().unwrap(), "cut at {cut}");
    bytes.len()
}

#[test]
fn an_error_behind_a_record_is_told_after_its_bytes() {
    for version in VERSIONS {
        let (client, server, near, far) = relayed(version);
        let client = Arc::new(client);
        let mut bytes = records(&server, &far, &[b"reply", b"push"]);
        *bytes.last_mut().unwrap() ^= 1;
        plain::send(&near, &bytes).unwrap();
        let mut buf = [0; 64];
        client.wait_readable().unwrap();
        assert_eq!(client.try_read(&mut buf).unwrap(), 5);
        let waiting = Arc::clone(&client);
        end(&start(move || waiting.wait_readable())).unwrap();
        let error = client.try_read(&mut buf).unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
