//! TLS to a server that demands a certificate of its clients: an authority to trust, a certificate to show, and
//! the key to it, from PEM files.
//!
//! ```text
//! cargo run --features tls --example tls -- rediss://redis.example:6380 ca.pem client.pem client.key
//! ```
//!
//! The URL could say it all: `rediss://redis.example:6380?tls_ca_file=ca.pem&tls_cert_file=client.pem&tls_key_file=client.key`.
#![allow(clippy::print_stdout, reason = "it is what an example does")]

use hitless::{Client, Commands, ErrorKind, Options, TlsOptions};

fn main() -> hitless::Result<()> {
    let mut words = std::env::args().skip(1);
    let mut next = |default: &str| words.next().unwrap_or_else(|| default.to_owned());
    let url = next("rediss://127.0.0.1:6379");
    let tls = TlsOptions::default()
        .ca_file(next("ca.pem"))
        .identity_files(next("client.pem"), next("client.key"));

    let client = Client::connect(Options::new(&url)?.tls(tls)).inspect_err(|error| {
        // Which file or whose certificate it is, and what to do about it, is in the text of the error.
        match error.kind() {
            ErrorKind::Config => eprintln!("the files do not do: {error}"),
            ErrorKind::Tls => eprintln!("one side does not trust the other: {error}"),
            _ => eprintln!("no connection: {error}"),
        }
    })?;
    let user: String = client.acl_whoami()?;
    println!("connected over TLS as the user {user}");
    Ok(())
}
