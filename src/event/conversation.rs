use std::sync::Arc;

use super::{Opening, Proxy, Tls, Transport};
use crate::model::Endpoint;

/// The details of a conversation from its opening, which identify it in every output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The client.
    pub client: Endpoint,
    /// The server.
    pub server: Endpoint,
    /// The requested URL; `None` if the handshake was not captured.
    pub url: Option<Arc<str>>,
    /// The negotiated sub-protocol.
    pub subprotocol: Option<Box<str>>,
    /// The version of HTTP that opened it: `1.1`, `2`.
    pub http: Option<Box<str>>,
    /// The negotiated parameters of TLS.
    pub tls: Option<Box<Tls>>,
    /// The proxy that it came through.
    pub proxy: Option<Box<Proxy>>,
    /// The transport of the messages.
    pub transport: Transport,
}

impl Conversation {
    /// Returns the details in an opening.
    pub fn of(opening: &Opening) -> Self {
        let handshake = opening.handshake.as_deref();
        Conversation {
            client: opening.client,
            server: opening.server,
            url: handshake.and_then(|it| it.url.clone()),
            subprotocol: handshake.and_then(|it| it.subprotocol.clone()),
            http: opening.http().map(Into::into),
            tls: opening.over.as_ref().and_then(|over| over.tls.clone()).map(Box::new),
            proxy: opening.over.as_ref().and_then(|over| over.proxy.clone()).map(Box::new),
            transport: opening.transport,
        }
    }

    /// Returns its memory, including owned data, in bytes.
    pub fn allocated(&self) -> usize {
        let texts = [self.url.as_deref(), self.subprotocol.as_deref(), self.http.as_deref()];
        let texts = texts.into_iter().flatten().map(str::len);
        let tls = self.tls.as_ref().map_or(0, |tls| size_of_val(&**tls));
        let proxy = self.proxy.as_ref().map_or(0, |proxy| size_of_val(&**proxy));
        texts.fold(size_of::<Self>().saturating_add(tls).saturating_add(proxy), usize::saturating_add)
    }

    /// Returns the URL's host, without port or brackets.
    pub fn host(&self) -> Option<&str> {
        let host = self.host_and_port()?;
        Some(match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((host, _)) => host,
            None => host.split_once(':').map_or(host, |(host, _)| host),
        })
    }

    /// Returns the URL's host as written, with the port if there is one.
    pub fn host_and_port(&self) -> Option<&str> {
        let (authority, _) = self.parts()?;
        Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
    }

    /// Returns the URL's path, without the query.
    pub fn path(&self) -> Option<&str> {
        let (_, target) = self.parts()?;
        let end = target.find(['?', '#']).unwrap_or(target.len());
        target.get(..end).map(|path| if path.is_empty() { "/" } else { path })
    }

    /// Splits the URL after its authority.
    fn parts(&self) -> Option<(&str, &str)> {
        let url = self.url.as_deref()?;
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Endpoint = Endpoint::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 80);

    #[test]
    fn host_and_path_of_any_url() {
        for (url, host, whole, path) in [
            ("ws://host:9001/path?x=1", "host", "host:9001", "/path"),
            ("ws://[fd00::1]:80/", "fd00::1", "[fd00::1]:80", "/"),
            ("wss://h", "h", "h", "/"),
            ("ws://h?q", "h", "h", "/"),
            ("ws://u:p@h:1/a/b#c", "h", "h:1", "/a/b"),
        ] {
            let it = Conversation {
                client: END,
                server: END,
                url: Some(url.into()),
                subprotocol: None,
                http: None,
                tls: None,
                proxy: None,
                transport: Transport::WebSocket,
            };
            let told = (it.host(), it.host_and_port(), it.path());
            assert_eq!(told, (Some(host), Some(whole), Some(path)), "{url}");
        }
    }
}
