use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use native_tls::{Identity, Protocol, TlsAcceptor};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use socket2::Socket;

use super::*;
use crate::options::{TcpOptions, TlsOptions, TlsVersion};
use crate::protocol::Endpoint;
use crate::transport::dial::{Dialed, Dialer, Route};
use crate::transport::encrypted::Encrypted;
use crate::transport::error::{DialError, DialErrorKind, DialPhase};
use crate::transport::plain;
use crate::transport::ready::{self, Interest};
use crate::transport::tls::{Tls, accept, why};
use crate::transport::wire::Wire;

mod records;

static WANTED: AtomicBool = AtomicBool::new(false);

/// An authority and a server it vouches for.
struct Authority {
    ca: String,
    chain: String,
    key: String,
}

impl Authority {
    fn vouching_for(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &ca).unwrap();
        Self {
            ca: ca.pem(),
            chain: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    fn trusted(&self) -> TlsOptions {
        TlsOptions::default().ca_pem(&self.ca)
    }

    fn acceptor(&self) -> TlsAcceptor {
        let identity = Identity::from_pkcs8(self.chain.as_bytes(), self.key.as_bytes()).unwrap();
        TlsAcceptor::new(identity).unwrap()
    }

    /// Serves one connection: answers one byte with the byte after it, then waits for the end.
    fn serve(&self) -> u16 {
        let acceptor = self.acceptor();
        let (mut listeners, port) = listen_on(&[1]);
        let listener = listeners.remove(0);
        start(move || {
            let (stream, _) = listener.accept().unwrap();
            if let Ok(mut stream) = acceptor.accept(stream) {
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() {
                    byte[0] += 1;
                    stream.write_all(&byte).unwrap();
                }
            }
        });
        port
    }
}

/// Both ends of an encrypted connection, as wires.
pub(super) fn encrypted(sockets: (Socket, Socket)) -> (Arc<dyn Wire>, Arc<dyn Wire>) {
    let (client, server) = both_ends(sockets);
    (Arc::new(client), Arc::new(server))
}

fn both_ends(sockets: (Socket, Socket)) -> (Encrypted, Encrypted) {
    both_ends_of(Protocol::Tlsv13, sockets)
}

/// As [`both_ends`], with a server that speaks no later version.
fn both_ends_of(version: Protocol, (client, server): (Socket, Socket)) -> (Encrypted, Encrypted) {
    let authority = Authority::vouching_for("redis.test");
    let identity = Identity::from_pkcs8(authority.chain.as_bytes(), authority.key.as_bytes());
    let mut acceptor = TlsAcceptor::builder(identity.unwrap());
    let acceptor = acceptor
        .max_protocol_version(Some(version))
        .build()
        .unwrap();
    let accepting = start(move || accept(&acceptor, server));
    let tls = Tls::new(&authority.trusted()).unwrap();
    let client = tls
        .handshake(client, "redis.test", soon(), &WANTED)
        .unwrap();
    (client, end(&accepting))
}

fn dial(tls: TlsOptions, configured: &str, port: u16) -> Result<Dialed, DialError> {
    let dialer = Dialer::new(TcpOptions::default(), Some(tls), Arc::new(Fixed::default()))?;
    let to = Endpoint::tcp("127.0.0.1", port);
    dialer.dial(&to, configured, &Route::default(), soon(), &WANTED)
}

fn refusal(outcome: Result<Dialed, DialError>) -> DialErrorKind {
    outcome.unwrap_err().kind()
}

fn talks(dialed: &Dialed) -> bool {
    dialed.wire.try_write(&[41]).unwrap();
    let mut buf = [0; 4];
    loop {
        match dialed.wire.read(&mut buf, PATIENCE) {
            Ok(count) => return buf[..count] == [42],
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}"),
        }
    }
}

#[test]
fn a_server_is_verified_under_the_configured_name() {
    let authority = Authority::vouching_for("redis.test");
    let dialed = dial(authority.trusted(), "redis.test", authority.serve()).unwrap();
    assert!(dialed.tls);
    assert!(talks(&dialed));
    let dialed = dial(authority.trusted(), "redis.test.", authority.serve()).unwrap();
    assert!(talks(&dialed), "the final dot of an absolute name");
}

#[test]
fn a_server_with_another_name_is_refused() {
    let authority = Authority::vouching_for("redis.test");
    let outcome = dial(authority.trusted(), "other.test", authority.serve());
    assert_eq!(refusal(outcome), DialErrorKind::Tls);
    // The address that is dialed is not the name that is trusted, even if the certificate has it.
    let authority = Authority::vouching_for("127.0.0.1");
    let outcome = dial(authority.trusted(), "redis.test", authority.serve());
    assert_eq!(refusal(outcome), DialErrorKind::Tls);
    let dialed = dial(authority.trusted(), "127.0.0.1", authority.serve()).unwrap();
    assert!(talks(&dialed));
}

#[test]
fn the_server_name_option_comes_before_the_configured_name() {
    let authority = Authority::vouching_for("redis.test");
    let tls = authority.trusted().server_name("redis.test");
    assert!(talks(&dial(tls, "other.test", authority.serve()).unwrap()));
    let tls = authority.trusted().server_name("other.test");
    assert_eq!(
        refusal(dial(tls, "redis.test", authority.serve())),
        DialErrorKind::Tls
    );
}

#[test]
fn a_server_of_an_unknown_authority_is_refused() {
    let authority = Authority::vouching_for("redis.test");
    let stranger = Authority::vouching_for("redis.test");
    let outcome = dial(stranger.trusted(), "redis.test", authority.serve());
    assert_eq!(refusal(outcome), DialErrorKind::Tls);
    let outcome = dial(TlsOptions::default(), "redis.test", authority.serve());
    assert_eq!(refusal(outcome), DialErrorKind::Tls);
}

#[test]
fn dangerous_options_do_what_they_say_and_no_more() {
    let authority = Authority::vouching_for("redis.test");
    let tls = authority.trusted().danger_accept_invalid_hostnames(true);
    assert!(talks(
        &dial(tls.clone(), "other.test", authority.serve()).unwrap()
    ));
    let stranger = Authority::vouching_for("redis.test");
    assert_eq!(
        refusal(dial(tls, "redis.test", stranger.serve())),
        DialErrorKind::Tls
    );
    let tls = TlsOptions::default().danger_accept_invalid_certs(true);
    assert!(talks(&dial(tls, "redis.test", authority.serve()).unwrap()));
}

#[test]
fn options_that_cannot_work_are_refused_before_dialing() {
    let authority = Authority::vouching_for("redis.test");
    let refused = |tls: TlsOptions| {
        let outcome = Dialer::new(TcpOptions::default(), Some(tls), Arc::new(Fixed::default()));
        assert_eq!(outcome.unwrap_err().kind(), DialErrorKind::Config);
    };
    refused(TlsOptions::default().ca_pem(""));
    refused(TlsOptions::default().ca_pem("no certificate"));
    refused(TlsOptions::default().ca_pem(authority.ca.replace('M', "!")));
    refused(TlsOptions::default().ca_file("/nowhere/ca.pem"));
    refused(TlsOptions::default().server_name(""));
    refused(TlsOptions::default().server_name(" "));
    refused(TlsOptions::default().server_name("."));
    refused(TlsOptions::default().identity_pem("", &authority.key));
    refused(TlsOptions::default().identity_pem(&authority.chain, "canary-key"));
    refused(TlsOptions::default().identity_pkcs12("nonsense", "canary-password"));
    let outcome = dial(authority.trusted(), "", authority.serve());
    assert_eq!(refusal(outcome), DialErrorKind::Config);
}

#[test]
fn an_identity_and_a_file_of_certificates_are_loaded() {
    let authority = Authority::vouching_for("redis.test");
    let path = std::env::temp_dir().join(format!("hitless-ca-{}.pem", std::process::id()));
    std::fs::write(&path, &authority.ca).unwrap();
    let tls = TlsOptions::default()
        .ca_file(&path)
        .identity_pem(&authority.chain, format!("\n{}", authority.key))
        .min_version(TlsVersion::Tls12);
    let dialed = dial(tls, "redis.test", authority.serve());
    std::fs::remove_file(&path).unwrap();
    assert!(talks(&dialed.unwrap()));
}

#[test]
fn a_certificate_and_its_key_are_found_where_they_stand() {
    let authority = Authority::vouching_for("redis.test");
    let Authority { ca, chain, key } = &authority;
    let bag = "Bag Attributes\n    friendlyName: me\nKey Attributes: <No Attributes>\n";
    let indented = key.replace('\n', "\n    ");
    for (certificate, key) in [
        (chain.clone(), format!("{bag}{key}")),
        (format!("{key}{chain}"), format!("{chain}{key}")),
        (chain.replace('\n', "\r\n"), indented),
        (format!("\u{feff}{chain}"), format!("\u{feff}# mine\n{key}")),
    ] {
        let tls = TlsOptions::default()
            .ca_pem(format!("{bag}{key}{ca}"))
            .identity_pem(certificate, key);
        assert!(talks(&dial(tls, "redis.test", authority.serve()).unwrap()));
    }
}

#[test]
fn an_option_that_cannot_work_says_which_and_why_and_what_to_do() {
    let authority = Authority::vouching_for("redis.test");
    let Authority { chain, key, .. } = &authority;
    let pem = |key: &str| TlsOptions::default().identity_pem(chain, key);
    let pkcs1 = key.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    let sec1 = key.replace("PRIVATE KEY", "EC PRIVATE KEY");
    let locked = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let missing = TlsOptions::default().ca_file("/nowhere/ca.pem");
    let other = Authority::vouching_for("redis.test");
    let table: [(TlsOptions, &[&str]); 10] = [
        (missing, &["ca_file /nowhere/ca.pem", "No such file"]),
        (
            TlsOptions::default().ca_pem("x"),
            &["ca_pem", "BEGIN CERTIFICATE"],
        ),
        (
            pem(&pkcs1),
            &["identity_pem", "PKCS#8", "RSA PRIVATE KEY", "openssl pkcs8"],
        ),
        (
            pem(&sec1),
            &["identity_pem", "PKCS#8", "EC PRIVATE KEY", "openssl pkcs8"],
        ),
        (pem(&locked), &["identity_pem", "encrypted", "openssl pkey"]),
        (pem("x"), &["identity_pem", "BEGIN PRIVATE KEY"]),
        (
            pem(&other.key),
            &[
                "key values mismatch",
                "not that of the certificate",
                "identity_pem",
            ],
        ),
        (
            TlsOptions::default().identity_files("/nowhere/cert", "/nowhere/key"),
            &["identity_files /nowhere/cert", "No such file"],
        ),
        (
            TlsOptions::default().identity_pkcs12("canary", "canary"),
            &["identity_pkcs12", "archive or password"],
        ),
        (
            TlsOptions::default().server_name("."),
            &["server_name", "empty"],
        ),
    ];
    for (tls, words) in table {
        let error = Dialer::new(TcpOptions::default(), Some(tls), Arc::new(Fixed::default()));
        let error = error.unwrap_err();
        assert_eq!(error.kind(), DialErrorKind::Config);
        let text = error.to_string();
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(
            !text.contains("canary") && !text.contains("options that cannot"),
            "{text}"
        );
    }
}

#[test]
fn a_failed_handshake_says_why_and_what_to_do() {
    let authority = Authority::vouching_for("redis.test");
    let other = Authority::vouching_for("redis.test");
    let says = |tls: TlsOptions, name: &str, words: &[&str]| {
        let error = dial(tls, name, authority.serve()).unwrap_err();
        assert_eq!(error.kind(), DialErrorKind::Tls, "{error}");
        let text = error.to_string();
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(!text.contains("SSL routines"), "{text}");
        assert!(error.into_source().is_none(), "said twice");
    };
    let unknown = ["certificate verify failed", "ca_file or ca_pem"];
    says(other.trusted(), "redis.test", &unknown);
    says(TlsOptions::default(), "redis.test", &unknown);
    says(
        authority.trusted(),
        "other.test",
        &["mismatch", "server_name"],
    );
    let (accepted, port) = accept_one();
    start(move || end(&accepted).write_all(b"-ERR Protocol error\r\n"));
    let text = dial(authority.trusted(), "redis.test", port)
        .unwrap_err()
        .to_string();
    assert!(text.contains("does not seem to speak TLS"), "{text}");
}

#[test]
fn texts_of_the_library_become_words() {
    for (text, told) in [
        (
            "error:0A000086:SSL routines:tls_post_process:certificate verify failed:ssl/x.c:1889: \
             (certificate has expired)",
            "certificate verify failed (certificate has expired): the certificate or the clock of this \
             machine is out of date",
        ),
        (
            "error:0A000126:SSL routines:ssl3_read_n:unexpected eof while reading:ssl/x.c:322:",
            "unexpected eof while reading",
        ),
        (
            "error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:x.c:1605:\
             SSL alert number 116",
            "tlsv13 alert certificate required: the server demands a certificate of the client, show one \
             with identity_pem or identity_files",
        ),
        (
            "Connection reset by peer (os error 104)",
            "Connection reset by peer (os error 104)",
        ),
        ("", ""),
        ("error:", "error:"),
    ] {
        assert_eq!(why(text), told);
    }
}

/// Accepts one connection and hands it over.
fn accept_one() -> (Receiver<TcpStream>, u16) {
    let (mut listeners, port) = listen_on(&[1]);
    let listener = listeners.remove(0);
    (start(move || listener.accept().unwrap().0), port)
}

#[test]
fn a_handshake_that_trickles_ends_at_its_deadline() {
    let (accepted, port) = accept_one();
    let (stop, stopped) = crossbeam::channel::bounded::<()>(0);
    start(move || {
        let mut stream = end(&accepted);
        // The beginning of a handshake record of 16 KiB, and then its bytes, one at a time.
        stream.write_all(&[22, 3, 3, 64, 0, 2, 0, 63, 252]).unwrap();
        let pause = Duration::from_millis(5);
        while let Err(crossbeam::channel::RecvTimeoutError::Timeout) = stopped.recv_timeout(pause) {
            if stream.write_all(&[3]).is_err() {
                break;
            }
        }
    });
    let tls = Some(TlsOptions::default());
    let dialer = Dialer::new(TcpOptions::default(), tls, Arc::new(Fixed::default())).unwrap();
    let to = Endpoint::tcp("127.0.0.1", port);
    let limit = Duration::from_millis(300);
    let (outcome, took) = timed(|| {
        dialer.dial(
            &to,
            "redis.test",
            &Route::default(),
            clock::now() + limit,
            &WANTED,
        )
    });
    assert_eq!(refusal(outcome), DialErrorKind::TimedOut(DialPhase::Tls));
    assert!(took >= limit && took < Duration::from_secs(5), "{took:?}");
    drop(stop);
}

#[test]
fn a_cancelled_handshake_ends_within_200_ms() {
    takes_at_most(Duration::from_millis(200), || {
        let (accepted, port) = accept_one();
        let cancel = Arc::new(AtomicBool::new(false));
        let dialing = {
            let cancel = Arc::clone(&cancel);
            start(move || {
                let tls = Some(TlsOptions::default());
                let resolver = Arc::new(Fixed::default());
                let dialer = Dialer::new(TcpOptions::default(), tls, resolver).unwrap();
                let to = Endpoint::tcp("127.0.0.1", port);
                dialer.dial(&to, "redis.test", &Route::default(), soon(), &cancel)
            })
        };
        let mut silent = end(&accepted);
        // The greeting has arrived, so the handshake is under way.
        silent.read_exact(&mut [0; 1]).unwrap();
        cancel.store(true, Ordering::Relaxed);
        let (outcome, took) = timed(|| end(&dialing));
        assert_eq!(refusal(outcome), DialErrorKind::Cancelled);
        took
    });
}

#[test]
fn a_handshake_in_single_bytes_succeeds() {
    let authority = Authority::vouching_for("redis.test");
    let behind = authority.serve();
    let (accepted, port) = accept_one();
    start(move || {
        let front = end(&accepted);
        let back = TcpStream::connect((local(1), behind)).unwrap();
        let copy = |mut from: TcpStream, mut to: TcpStream| {
            to.set_nodelay(true).unwrap();
            start(move || {
                let mut byte = [0];
                while from.read_exact(&mut byte).is_ok() && to.write_all(&byte).is_ok() {}
            })
        };
        let there = copy(front.try_clone().unwrap(), back.try_clone().unwrap());
        let back = copy(back, front);
        end(&there);
        end(&back);
    });
    assert!(talks(
        &dial(authority.trusted(), "redis.test", port).unwrap()
    ));
}

#[test]
fn a_server_that_hangs_up_during_the_handshake_is_a_tls_error() {
    let (accepted, port) = accept_one();
    start(move || drop(end(&accepted)));
    assert_eq!(
        refusal(dial(TlsOptions::default(), "redis.test", port)),
        DialErrorKind::Tls
    );
}

fn read(wire: &dyn Wire) -> io::Result<usize> {
    let limit = clock::now() + PATIENCE;
    loop {
        match wire.read(&mut [0; 64], PATIENCE) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                assert!(clock::now() < limit, "nothing came");
            }
            outcome => return outcome,
        }
    }
}

#[test]
fn an_end_in_the_middle_of_a_record_is_an_end() {
    let (client, server) = both_ends(wire::connected(false));
    // The head of a record of application data and a part of its body.
    plain::send(server.socket(), &[23, 3, 3, 0, 100, 1, 2, 3]).unwrap();
    drop(server);
    assert_eq!(read(&client).unwrap(), 0);
    assert_eq!(read(&client).unwrap(), 0);
}

#[test]
fn bytes_that_nobody_encrypted_are_an_error() {
    let (client, server) = both_ends(wire::connected(false));
    plain::send(server.socket(), &[23, 3, 3, 0, 40, 1, 2, 3]).unwrap();
    plain::send(server.socket(), &[9; 37]).unwrap();
    let error = read(&client).unwrap_err();
    assert_ne!(error.kind(), io::ErrorKind::WouldBlock);
}
