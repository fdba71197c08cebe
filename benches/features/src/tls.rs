//! The mix over TLS: a redis-server whose certificate is made for it, which both clients verify.

use hitless::{Client, Options, TlsOptions};
use hitless_bench::awake::Awake;
use hitless_bench::bench::Measured;
use hitless_bench::contest::{Contender, Contest, Effort, What, versus};
use hitless_bench::report::Bar;
use hitless_bench::server::{Server, free_port};
use hitless_bench::{get_ours, get_redis_rs, mix_ours, mix_r2d2, set_ours};
use redis::TlsCertificates;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs, process};

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Makes a certificate for 127.0.0.1 that vouches for itself, with its key, in this folder.
fn make_certificate(folder: &Path) -> Result<(), String> {
    let output = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .output()
        .map_err(|error| format!("openssl does not start ({error}); apt-get install openssl"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "openssl makes no certificate: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

pub fn measure(effort: Effort) -> Measured {
    let folder = env::temp_dir().join(format!("hitless-bench-tls-{}", process::id()));
    fs::create_dir_all(&folder).map_err(text)?;
    let rows = make_certificate(&folder).and_then(|()| with_certificate(&folder, effort));
    let _ = fs::remove_dir_all(&folder);
    rows
}

fn with_certificate(folder: &Path, effort: Effort) -> Measured {
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (certificate, key) = (path("certificate.pem"), path("key.pem"));
    let port = free_port()?.to_string();
    let server = Server::start(&[
        "--port",
        "0",
        "--tls-port",
        &port,
        "--tls-auth-clients",
        "no",
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
    ])
    .map_err(|error| format!("{error}; is redis-server built with TLS?"))?;
    let authority = fs::read(&certificate).map_err(text)?;
    let url = format!("rediss://{}", server.address);
    let ours = || {
        let tls = TlsOptions::default().ca_file(&certificate);
        let options = Options::new(&url).map_err(text)?.tls(tls);
        Client::connect(options).map_err(text)
    };
    let peer = || {
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert: Some(authority.clone()),
        };
        redis::Client::build_with_tls(url.as_str(), certificates).map_err(text)
    };
    let client = ours()?;
    set_ours(&client);
    let mut connection = peer()?.get_connection().map_err(text)?;
    let one = vec![
        Contender::from(hitless_bench::shapes::each(1, || {
            let client = client.clone();
            move || get_ours(&client)
        })),
        vec![Box::new(move || get_redis_rs(&mut connection)) as hitless_bench::crew::Operation]
            .into(),
    ];
    let process = server.id();
    let name = "TLS, 1 thread, GET";
    let bars = [(What::Rate, Bar::Ratio(1.0))];
    let compared = versus((0, 1), name, "redis-rs native-tls", &bars);
    let awake = Awake::keep();
    let mut rows = Contest::new(&process, effort, "GET/s", one).compare(&compared);
    drop(awake);
    let pool = r2d2::Pool::builder()
        .max_size(64)
        .test_on_check_out(false)
        .connection_timeout(Duration::from_secs(30))
        .build(peer()?)
        .map_err(text)?;
    let many = vec![
        Contender::default().with_group(mix_ours(&ours()?, 64)),
        Contender::default().with_group(mix_r2d2(&pool, 64)),
    ];
    let name = "TLS, 64 threads, mix";
    let bars = [
        (What::Rate, Bar::Ratio(1.8)),
        (What::Median(0), Bar::None),
        (What::P99(0), Bar::None),
    ];
    let compared = versus((0, 1), name, "r2d2 with 64, native-tls", &bars);
    rows.extend(Contest::new(&process, effort, "commands/s", many).compare(&compared));
    Ok(rows)
}
