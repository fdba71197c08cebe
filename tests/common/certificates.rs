//! Certificates, and a real server that demands them of its clients. Claims nothing itself.

use super::redis::Redis;
use hitless::{Client, Commands as _, cmd};
use std::net::SocketAddr;

/// An authority, and what it vouches for: a server and a client of 127.0.0.1.
pub struct Authority {
    pub ca: String,
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        Self {
            ca: ca.pem(),
            certificate: params.signed_by(&key, &ca).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

/// Makes a server listen for TLS too, and demand a certificate of its clients. Yields that address. The PEM files
/// stay beside its socket: `ca.pem`, `certificate.pem` and `key.pem`.
pub fn demand_certificates(server: &Redis, authority: &Authority, protocols: &str) -> SocketAddr {
    let directory = server.socket.parent().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let [ca, certificate, key] = [
        file("ca.pem", &authority.ca),
        file("certificate.pem", &authority.certificate),
        file("key.pem", &authority.key),
    ];
    let admin = Client::connect(server.url()).unwrap();
    let set = |port: u16| {
        let command = cmd("CONFIG SET")
            .args(["tls-ca-cert-file", &ca, "tls-cert-file", &certificate])
            .args(["tls-key-file", &key, "tls-auth-clients", "yes"])
            .args(["tls-protocols", protocols, "tls-port", &port.to_string()]);
        admin.query::<()>(&command)
    };
    for port in server.address.port() + 1..server.address.port() + 100 {
        // Another program may have the port.
        if set(port).is_ok() {
            return SocketAddr::new(server.address.ip(), port);
        }
    }
    panic!("no port for TLS: {:?}", set(0));
}
