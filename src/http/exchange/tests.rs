use super::*;

const REQUEST: &str = "GET /chat?x=1 HTTP/1.1\r\nHost: server.example.com:9001\r\nUpgrade: websocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Version: 13\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
const MASKED: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

/// Is one thing done to a machine.
#[derive(Clone, Debug)]
enum Do<'a> {
    C(&'a [u8]),
    S(&'a [u8]),
    Gap(Side, u64),
    End(Side),
}
use Do::{C, End, Gap, S};

/// Does everything in order; gives all outputs, and for each push how many bytes were used.
fn run(steps: &[Do<'_>]) -> (Exchanges, Vec<Output>, Vec<usize>) {
    run_in(Exchanges::new(Limits::default()), steps)
}

fn run_in(mut machine: Exchanges, steps: &[Do<'_>]) -> (Exchanges, Vec<Output>, Vec<usize>) {
    let (mut outputs, mut used) = (Vec::new(), Vec::new());
    for step in steps {
        match *step {
            C(bytes) => used.push(machine.push(Side::Client, bytes)),
            S(bytes) => used.push(machine.push(Side::Server, bytes)),
            Gap(side, length) => machine.gap(side, length),
            End(side) => machine.end(side),
        }
        outputs.extend(std::iter::from_fn(|| machine.next()));
    }
    (machine, outputs, used)
}

fn c(text: &str) -> Do<'_> {
    C(text.as_bytes())
}

fn s(text: &str) -> Do<'_> {
    S(text.as_bytes())
}

#[test]
fn an_upgrade_without_a_fault() {
    let (_, outputs, used) = run(&[c(REQUEST), s(RESPONSE)]);
    let [Output::Upgraded(found)] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(found.url.as_deref(), Some("ws://server.example.com:9001/chat?x=1"));
    assert!(found.accept.as_ref().unwrap().valid);
    assert_eq!(found.subprotocol.as_deref(), Some("chat"));
    assert!(found.deflate.is_some() && !found.per_frame);
    assert_eq!(used, [REQUEST.len(), RESPONSE.len()]);
}
