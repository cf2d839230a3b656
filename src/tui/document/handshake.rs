use super::{Document, FieldStyle};
use crate::event::{ConnId, Field as HeaderField, Handshake, LowerLayers, Severity, Transport};
use crate::model::Side;
use crate::store::Attempt;
use crate::text;

impl Document {
    pub(super) fn opened(&mut self, attempt: &Attempt, id: ConnId) {
        let opened = attempt.opening();
        self.within(|it| {
            it.add("client", opened.client.to_string(), FieldStyle::From(Side::Client));
            it.add("server", opened.server.to_string(), FieldStyle::From(Side::Server));
            if opened.transport != Transport::WebSocket {
                it.plain("transport", opened.transport.name());
            }
        });
        if let Some(over) = &opened.over {
            self.over(over, id);
        }
        let Some(handshake) = &opened.handshake else {
            self.note("handshake", "was not captured");
            return;
        };
        self.agreed(handshake, attempt.is_granted());
        if let Some(request) = &handshake.request {
            let line = format!("{} {} HTTP/{}", request.method, request.target, request.version);
            self.head("request", Side::Client, &line, &request.headers);
        }
        if let Some(response) = &handshake.response {
            let line = format!("HTTP/{} {} {}", response.version, response.status, response.reason);
            self.head("response", Side::Server, &line, &response.headers);
        }
        self.payload = 0..self.bytes.len();
        self.text = true;
    }

    /// Adds the proxy and the layers that carried the connection.
    fn over(&mut self, over: &LowerLayers, id: ConnId) {
        if over.http2 {
            let stream =
                id.stream().map_or(String::new(), |stream| format!("stream {stream} of its connection"));
            self.plain("HTTP/2", stream);
        }
        if let Some(tls) = &over.tls {
            let version = tls.version.as_deref().map_or("TLS".to_owned(), |version| format!("TLS {version}"));
            self.plain("TLS", version);
            let keys = Some(tls.keys.unwrap_or("none were found"));
            let facts = [("cipher", &tls.cipher), ("name asked for", &tls.sni), ("ALPN", &tls.alpn)]
                .map(|(n, it)| (n, it.as_deref()));
            self.within(|it| it.facts(facts.into_iter().chain([("keys from", keys)])));
        }
        if let Some(proxy) = &over.proxy {
            self.plain("proxy", proxy.protocol);
            let ends =
                [("client behind it", proxy.client.as_deref()), ("server it named", proxy.server.as_deref())];
            self.within(|it| it.facts(ends));
        }
    }

    fn facts<'a>(&mut self, facts: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) {
        for (name, value) in facts {
            if let Some(value) = value {
                self.plain(name, value);
            }
        }
    }

    fn agreed(&mut self, handshake: &Handshake, established: bool) {
        let status = handshake.response.as_ref().map(|response| response.status);
        let accept = match handshake.accept.as_ref().map(|accept| accept.valid) {
            _ if !established && status != Some(101) => "",
            Some(true) => ", the accept answers the key",
            Some(false) => ", the accept does not answer the key",
            None => "",
        };
        let outcome = match (established, status) {
            (true, _) => format!("upgraded to WebSocket{accept}"),
            (false, Some(status)) => format!("refused with status {status}{accept}"),
            (false, None) => "never answered".to_owned(),
        };
        self.add(
            "handshake",
            outcome,
            if established { FieldStyle::Good } else { FieldStyle::Bad(Severity::Warning) },
        );
        self.within(|it| {
            if let Some(url) = &handshake.url {
                it.plain("url", url.as_bytes());
            }
            it.accept(handshake, status == Some(101) || established);
            if let Some(subprotocol) = &handshake.subprotocol {
                it.plain("sub-protocol", subprotocol.as_bytes());
            }
            it.compression(handshake);
        });
    }

    /// Adds whether the accept value matches the key; it is not required in a refusal.
    fn accept(&mut self, handshake: &Handshake, owed: bool) {
        let accept = handshake.accept.as_ref().filter(|accept| owed || accept.found.is_some());
        let Some(accept) = accept else { return };
        let (words, tone) = match (accept.valid, owed) {
            (true, _) => ("answers the key", FieldStyle::Good),
            (false, true) => ("does not answer the key", FieldStyle::Bad(Severity::Error)),
            (false, false) => ("does not answer the key, nor need it", FieldStyle::Quiet),
        };
        self.add("accept", words, tone);
        self.within(|it| {
            for (name, value) in
                [("key", &accept.key), ("found", &accept.found), ("expected", &accept.expected)]
            {
                it.plain(name, value.as_deref().unwrap_or("—").as_bytes());
            }
        });
    }

    fn compression(&mut self, handshake: &Handshake) {
        let Some(deflate) = &handshake.deflate else {
            return self.quiet("compression", "none");
        };
        let words = if handshake.per_frame { "each frame on its own" } else { "permessage-deflate" };
        self.plain("compression", words);
        self.within(|it| {
            for side in Side::BOTH {
                let agreed = deflate[side];
                let history = if agreed.no_context_takeover { "no context takeover" } else { "history kept" };
                let words = format!("window of {} bits, {history}", agreed.max_window_bits);
                it.add(side.name(), words, FieldStyle::From(side));
            }
        });
    }

    fn head(&mut self, name: &str, side: Side, line: &str, headers: &[HeaderField]) {
        let start = self.bytes.len();
        self.parts.push((start, format!("{name}, its fields as they were read")));
        let at = self.fields.len();
        self.add(name, line.as_bytes(), FieldStyle::From(side));
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
        self.within(|it| {
            for field in headers {
                let from = it.bytes.len();
                it.bytes.extend_from_slice(field.name.as_bytes());
                it.bytes.extend_from_slice(b": ");
                it.bytes.extend_from_slice(field.value.as_bytes());
                let to = it.bytes.len();
                it.bytes.extend_from_slice(b"\r\n");
                // A header name also comes from the wire, so it is shown escaped.
                it.ranged(&text::printable_string(field.name.as_bytes()), field.value.as_bytes(), from..to);
            }
        });
        self.bytes.extend_from_slice(b"\r\n");
        let end = self.bytes.len();
        if let Some(field) = self.fields.get_mut(at) {
            field.bytes = Some(start..end);
        }
    }
}
