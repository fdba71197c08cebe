//! Options from a URL. Never repeats the URL in an error: it may hold a password.

use super::{EndpointType, MaintenanceOptions, Mode, Options, TlsOptions};
use crate::error::{Error, Result};
use crate::protocol::{Endpoint, Protocol};
use percent_encoding::percent_decode_str;
use std::time::Duration;

const DEFAULT_PORT: u16 = 6379;

/// Reads a URL.
pub(super) fn parse(url: &str) -> Result<Options> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| bad("has no scheme"))?;
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    if rest.contains('#') || query.is_some_and(|query| query.contains('#')) {
        return Err(bad("must not have a fragment: write # as %23"));
    }
    let mut options = match scheme {
        "redis" => tcp(rest)?,
        "rediss" => tcp(rest)?.tls(TlsOptions::default()),
        "unix" | "redis+unix" => {
            if !rest.starts_with('/') {
                return Err(bad("must have an absolute path after unix://"));
            }
            Options::at(Endpoint::Unix(decode(rest, "path")?.into()))
        }
        _ => return Err(bad("must begin with redis://, rediss:// or unix://")),
    };
    for pair in query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| bad("has an option without ="))?;
        options = set(
            options,
            &decode(name, "option name")?,
            &decode(value, "option value")?,
        )?;
    }
    Ok(options)
}

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
    let mut options = Options::at(endpoint(host)?);
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
    if !path.is_empty() {
        options = options.database(number(path, "the database in the path")?);
    }
    Ok(options)
}

fn endpoint(host: &str) -> Result<Endpoint> {
    if host.is_empty() {
        return Ok(Endpoint::tcp("127.0.0.1", DEFAULT_PORT));
    }
    let has_port = match host.rsplit_once(']') {
        Some((_, after)) => after.starts_with(':'),
        None => host.contains(':'),
    };
    let text = if has_port {
        host.to_owned()
    } else {
        format!("{host}:{DEFAULT_PORT}")
    };
    text.parse()
        .map_err(|_| bad("has a host or port that cannot be read"))
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
        "min_idle" => options.min_idle(number(value, name)?),
        "pool_size" => options.pool_size(number(value, name)?),
        "protocol" => options.protocol(match value {
            "2" => Protocol::Resp2,
            "3" => Protocol::Resp3,
            _ => return Err(bad("has a protocol that is not 2 or 3")),
        }),
        _ => return Err(bad("has an option that does not exist")),
    })
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
        _ => Err(bad(&format!(
            "has a time without a unit of ms, s or m: {what}"
        ))),
    }
}

fn bad(what: &str) -> Error {
    Error::config(format!("the URL {what}"))
}
