//! Secrets never show.

use hitless::Protocol;
use hitless::Secret;
use hitless::unstable::handshake::{Handshake, Script};

#[test]
fn a_secret_prints_as_redacted_in_every_form() {
    let text = "s3cr3t-canary";
    let secrets = [
        Secret::from(text),
        Secret::from(text.to_owned()),
        Secret::from(text.as_bytes().to_vec()),
        Secret::from(text).clone(),
    ];
    for secret in secrets {
        for printed in [
            format!("{secret}"),
            format!("{secret:?}"),
            format!("{secret:#?}"),
            format!("{:?}", Some(&secret)),
        ] {
            assert!(printed.contains("[redacted]"), "{printed}");
            assert!(!printed.contains(text));
        }
    }
}

#[test]
fn neither_an_opening_nor_its_script_prints_the_user_or_the_password() {
    let opening = Handshake {
        protocol: Protocol::Resp3,
        resp2_will_do: true,
        username: Some("t0ken-canary".to_owned()),
        password: Some("s3cr3t-canary".into()),
        client_name: None,
        library: None,
        database: 0,
        maintenance: None,
    };
    assert!(!format!("{opening:?}").contains("canary"));
    let mut script = Script::new(opening);
    assert!(script.poll_write().is_some());
    assert!(!format!("{script:?}").contains("canary"));
}
