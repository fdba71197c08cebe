//! Options from a URL. Never repeats the URL in an error: it may hold a password.

use super::{EndpointType, MaintenanceOptions, Mode, Options, TlsOptions, TlsVersion};
use crate::error::{Error, Result};
use crate::protocol::{Endpoint, Protocol};
use percent_encoding::percent_decode_str;
use std::time::Duration;

const DEFAULT_PORT: u16 = 6379;

/// What may stand behind the question mark.
const NAMES: [&str; 21] = [
    "checkout_timeout",
    "client_name",
    "command_timeout",
    "connect_retries",
    "connect_timeout",
    "database",
    "db",
    "endpoint_type",
    "handoffs",
    "library_name",
    "maintenance",
    "max_active_connections",
    "max_in_flight",
    "min_connections",
    "pool_size",
    "protocol",
    "tls_ca_file",
    "tls_cert_file",
    "tls_key_file",
    "tls_min_version",
    "tls_server_name",
];

/// No option has a longer name, nor a name of other letters.
const LONGEST_NAME: usize = 40;

/// The scheme of a URL, and what is behind its `://`.
pub(super) fn split_scheme(url: &str) -> Option<(&str, &str)> {
    // By bytes, because the search for a text in a text is a great deal of code for one that is so short.
    let end = url.as_bytes().windows(3).position(|part| part == b"://")?;
    Some((url.get(..end)?, url.get(end + 3..)?))
}

/// Reads a URL.
pub(super) fn parse(url: &str) -> Result<Options> {
    let (scheme, rest) = split_scheme(url).ok_or_else(|| bad("has no scheme"))?;
    // The first `?`: a password that holds one must write it as %3F.
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    if rest.contains('#') || query.is_some_and(|query| query.contains('#')) {
        return Err(bad("must not have a fragment: write # as %23"));
    }
    let mut options = match scheme {
        "redis" | "valkey" => tcp(rest)?,
        // The tls_ options of the query change these defaults.
        "rediss" | "valkeys" => tcp(rest)?.tls(TlsOptions::default()),
        "unix" | "redis+unix" => unix(rest)?,
        _ => {
            return Err(bad(
                "must begin with redis://, rediss://, valkey://, valkeys:// or unix://",
            ));
        }
    };
    // What follows an unescaped ? in a password is no option, and is not named.
    let is_query = !query.is_some_and(|query| query.contains('@'));
    for pair in query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| bad("has an option without ="))?;
        let name = decode(name, "option name")?;
        // An option with a typing error must not be passed over: the program would run with a default
        // that nobody wanted.
        if !NAMES.contains(&&*name) {
            return Err(unknown(&name, is_query));
        }
        // Later ones win, as with the setters.
        options = set(options, &name, &decode(value, "option value")?)?;
    }
    Ok(options)
}

/// An option that does not exist, by name where the name can be one: it might be a part of a password.
fn unknown(name: &str, is_query: bool) -> Error {
    // What does not look like a name could be a part of a password, and is not repeated.
    let is_name = name.len() <= LONGEST_NAME
        && (name.bytes()).all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let which = if is_query && is_name {
        format!("has an option that does not exist, {name}: ")
    } else {
        "has an option that does not exist, or an unescaped ? in its password (write %3F): ".into()
    };
    let mut text = format!("{which}there are ");
    for (place, name) in NAMES.iter().enumerate() {
        if place > 0 {
            text.push_str(", ");
        }
        text.push_str(name);
    }
    bad(&text)
}

/// `redis://` and its kin: `[user:password@]host[:port][/database]`.
fn tcp(rest: &str) -> Result<Options> {
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, path),
        None => (rest, ""),
    };
    // A password may hold an unescaped @; a host may not.
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority),
    };
    let mut options = log_in(Options::at(endpoint(host)?), login)?;
    if !path.is_empty() {
        options = options.database(number(path, "the database in the path")?);
    }
    Ok(options)
}

/// `unix://`: `[user:password@]/path`.
fn unix(rest: &str) -> Result<Options> {
    let (login, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let login = (!login.is_empty()).then(|| login.strip_suffix('@'));
    let login = match (login, path) {
        (Some(None), _) | (_, "") => {
            return Err(bad(
                "must have an absolute path after unix://, or unix://user:password@",
            ));
        }
        (login, _) => login.flatten(),
    };
    let path = decode(path, "path")?;
    if path.contains('\0') {
        return Err(bad("has a path with a zero byte"));
    }
    log_in(Options::at(Endpoint::Unix(path.into())), login)
}

/// With the user and the password that stand before the `@`.
fn log_in(mut options: Options, login: Option<&str>) -> Result<Options> {
    if let Some(login) = login {
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        if !user.is_empty() {
            options = options.username(decode(user, "username")?);
        }
        if let Some(password) = password {
            options = options.password(decode(password, "password")?);
        }
    }
    Ok(options)
}

/// The host is decoded by itself: what stands escaped in it is no bracket, colon or slash. A zone is
/// written as `[fe80::1%25eth0]` (RFC 6874).
fn endpoint(authority: &str) -> Result<Endpoint> {
    // `redis://` alone, and `redis:///2`, mean the server on this machine, as with other clients.
    if authority.is_empty() {
        return Ok(Endpoint::tcp("127.0.0.1", DEFAULT_PORT));
    }
    // The colons of an IPv6 address stand in brackets; the port's comes behind them.
    let after = authority.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match authority.get(after..).unwrap_or_default().find(':') {
        Some(colon) => authority.split_at(after + colon),
        None => (authority, ""),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.to_owned(),
        None => DEFAULT_PORT.to_string(),
    };
    let host = decode(host, "host")?;
    let cannot_be_read = || bad("has a host or port that cannot be read");
    if host.starts_with('/') {
        return Err(cannot_be_read());
    }
    format!("{host}:{port}")
        .parse()
        .map_err(|_| cannot_be_read())
}

fn set(options: Options, name: &str, value: &str) -> Result<Options> {
    let maintenance = |change: fn(MaintenanceOptions, &str) -> Result<MaintenanceOptions>| {
        let changed = change(options.maintenance.clone(), value)?;
        Ok::<_, Error>(options.clone().maintenance(changed))
    };
    Ok(match name {
        "checkout_timeout" => options.checkout_timeout(duration(value, name)?),
        "client_name" => options.client_name(value),
        "command_timeout" if value == "none" => options.no_command_timeout(),
        "command_timeout" => options.command_timeout(duration(value, name)?),
        "connect_retries" => options.connect_retries(number(value, name)?),
        "connect_timeout" => options.connect_timeout(duration(value, name)?),
        "database" | "db" => options.database(number(value, name)?),
        "endpoint_type" => maintenance(|maintenance, value| {
            Ok(maintenance.endpoint_type(match value {
                "auto" => EndpointType::Auto,
                "external-fqdn" => EndpointType::ExternalFqdn,
                "external-ip" => EndpointType::ExternalIp,
                "internal-fqdn" => EndpointType::InternalFqdn,
                "internal-ip" => EndpointType::InternalIp,
                "none" => EndpointType::None,
                _ => {
                    return Err(bad(
                        "has an endpoint_type that is not auto, external-fqdn, \
                         external-ip, internal-fqdn, internal-ip or none",
                    ));
                }
            }))
        })?,
        "handoffs" => maintenance(|maintenance, value| {
            Ok(maintenance.handoffs(match value {
                "true" => true,
                "false" => false,
                _ => return Err(bad("has a handoffs that is not true or false")),
            }))
        })?,
        "maintenance" => maintenance(|maintenance, value| {
            Ok(maintenance.mode(match value {
                "auto" => Mode::Auto,
                "disabled" => Mode::Disabled,
                "enabled" => Mode::Enabled,
                _ => {
                    return Err(bad(
                        "has a maintenance that is not auto, enabled or disabled",
                    ));
                }
            }))
        })?,
        "library_name" => options.library_name(value),
        "max_active_connections" => options.max_active_connections(number(value, name)?),
        "max_in_flight" => options.max_in_flight(number(value, name)?),
        "min_connections" => options.min_connections(number(value, name)?),
        "pool_size" => options.pool_size(number(value, name)?),
        "protocol" => options.protocol(match value {
            "2" => Protocol::Resp2,
            "3" => Protocol::Resp3,
            _ => return Err(bad("has a protocol that is not 2 or 3")),
        }),
        "tls_ca_file" => tls(options, |tls| Ok(tls.ca_file(value)))?,
        "tls_cert_file" => tls(options, |tls| Ok(tls.cert_file(value)))?,
        "tls_key_file" => tls(options, |tls| Ok(tls.key_file(value)))?,
        "tls_min_version" => tls(options, |tls| {
            Ok(tls.min_version(match value {
                "1.2" => TlsVersion::Tls12,
                "1.3" => TlsVersion::Tls13,
                _ => return Err(bad("has a tls_min_version that is not 1.2 or 1.3")),
            }))
        })?,
        "tls_server_name" => tls(options, |tls| Ok(tls.server_name(value)))?,
        _ => return Err(unknown(name, false)),
    })
}

fn tls(options: Options, set: impl FnOnce(TlsOptions) -> Result<TlsOptions>) -> Result<Options> {
    // Passed over, a certificate in a URL without TLS would make a program believe that it is encrypted.
    let Some(tls) = options.tls.clone() else {
        return Err(bad("has options of TLS: they need rediss:// or valkeys://"));
    };
    Ok(options.tls(set(tls)?))
}

fn decode(text: &str, what: &str) -> Result<String> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| bad(&format!("has a {what} that is not UTF-8")))
}

fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T> {
    text.parse()
        .map_err(|_| bad(&format!("has a number that cannot be read: {what}")))
}

/// Reads `250ms`, `5s` or `2m`.
fn duration(text: &str, what: &str) -> Result<Duration> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let count: u64 = number(digits, what)?;
    match unit {
        "ms" => Ok(Duration::from_millis(count)),
        "s" => Ok(Duration::from_secs(count)),
        "m" => Ok(Duration::from_secs(count.saturating_mul(60))),
        // A bare number could be seconds or milliseconds: a factor of a thousand is no default.
        _ => Err(bad(&format!(
            "has a time without a unit of ms, s or m: {what}"
        ))),
    }
}

fn bad(what: &str) -> Error {
    Error::config(format!("the URL {what}"))
}

#[cfg(test)]
mod tests;
