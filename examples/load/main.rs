//! A load generator for measuring live capture, and a judge of what was captured.
//!
//! ```text
//! load server ADDRESS SIZE RATE SECONDS    sends RATE messages of SIZE bytes per second to the first client
//! load client ADDRESS                      connects, and responds to every hundredth message
//! load judge SERVER_SENT CLIENT_SENT       reads NDJSON from standard input and compares it with what was sent
//! ```

mod endpoints;

use std::io::{self, BufRead as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use endpoints::{Plan, payload, receive, serve};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize| arguments.get(n).and_then(|text| text.parse::<u64>().ok()).expect("a number");
    match arguments.first().map(String::as_str) {
        Some("server") => {
            let listener = TcpListener::bind(&arguments[1])?;
            let plan = Plan { size: number(2) as usize, rate: number(3), count: number(3) * number(4) };
            println!("{}", serve(listener.accept()?.0, &plan)?);
        }
        Some("client") => println!("{}", receive(connect(&arguments[1])?)?),
        Some("judge") => judge(number(1), number(2))?,
        _ => eprintln!("load server|client|judge: see the head of examples/load/main.rs"),
    }
    Ok(())
}

fn connect(address: &str) -> io::Result<TcpStream> {
    for _ in 0..100 {
        if let Ok(stream) = TcpStream::connect(address) {
            return Ok(stream);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    TcpStream::connect(address)
}

/// Reports how many messages were missed, and how many of those shown were not sent like this.
fn judge(server: u64, client: u64) -> io::Result<()> {
    let mut right = [0_u64; 2];
    let mut next = [0_u64; 2];
    let (mut wrong, mut incomplete) = (0_u64, 0_u64);
    let mut expected = Vec::new();
    let mut input = io::stdin().lock();
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        if line.starts_with(r#"{"type":"message""#) && line.contains(r#""opcode":"text""#) {
            let side = usize::from(line.contains(r#""from":"client""#));
            let text = between(&line, r#""text":""#);
            let number = text.get(..10).and_then(|digits| digits.parse::<u64>().ok());
            if line.contains(r#""complete":false"#) {
                incomplete += 1;
            } else if let Some(number) = number {
                payload(number, text.len(), &mut expected);
                if text.as_bytes() == expected && number >= next[side] {
                    right[side] += 1;
                    next[side] = number + 1;
                } else {
                    wrong += 1;
                }
            } else {
                wrong += 1;
            }
        }
        line.clear();
    }
    let missed = (server - right[0].min(server)) + (client - right[1].min(client));
    println!(
        "sent {} right {} missed {missed} (incomplete {incomplete}) wrong {wrong}",
        server + client,
        right[0] + right[1]
    );
    Ok(())
}

fn between<'a>(line: &'a str, before: &str) -> &'a str {
    let rest = line.split_once(before).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default()
}
