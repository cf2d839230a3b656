//! The time until a key has an effect: a million messages behind the screen, drawn to a buffer.

#![allow(missing_docs)] // macros of criterion create public items

use std::io;
use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use wirefin::event::{ConnId, Event, Framing, Kind, Message, Opcode, Sink as _, Wire};
use wirefin::model::{At, Side, Timestamp};
use wirefin::store::{Batch, Bounds, Phase, Shared};
use wirefin::tui::keys::Action;
use wirefin::tui::{App, Choice, Feed, Options};

struct Nothing;

impl Feed for Nothing {
    fn title(&self) -> String {
        "a million".to_owned()
    }

    fn save(&mut self, _: &Path, _: Choice) -> io::Result<()> {
        Ok(())
    }

    fn export(&mut self, _: &Path, _: Choice) -> io::Result<()> {
        Ok(())
    }
}

fn a_million() -> Shared {
    let store = Shared::new(Bounds::default());
    let mut batch = Batch::default();
    for n in 0..1_000_000_u64 {
        let body = format!(
            r#"{{"e":"trade","E":{n},"s":"BTCUSDT","p":"64123.{:02}","q":"0.00{n}","m":true}}"#,
            n % 100
        );
        let at =
            At { packet: n + 1, time: Timestamp::new(1_700_000_000, 0).plus(Duration::from_micros(n * 25)) };
        let wire = Wire {
            frames: 1,
            bytes: body.len() as u64 + 4,
            compressed: false,
            inflated: false,
            masked: false,
            first: at,
        };
        let message = Message {
            from: if n % 5 == 0 { Side::Client } else { Side::Server },
            opcode: Opcode::TEXT,
            number: n + 1,
            delta: Duration::ZERO,
            payload: body.as_bytes(),
            length: body.len() as u64,
            text: true,
            missing: &[],
            truncated_to: None,
            close: None,
            rtt: None,
            framing: Framing::Counted,
            verified: true,
            wire,
            meaning: None,
            fields: &[],
        };
        batch.event(&Event::new(NonZeroU64::new(n % 20 + 1).map(ConnId::new), at, Kind::Message(message)));
        if n % 4096 == 4095 {
            store.add(&batch, 0..batch.mark());
            batch.clear();
        }
    }
    store.add(&batch, 0..batch.mark());
    store.enter(Phase::Complete);
    store
}

fn redraw(c: &mut Criterion) {
    let store = a_million();
    for (width, height) in [(80, 24), (200, 60)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a buffer cannot fail");
        let mut app =
            App::open(store.clone(), Box::new(Nothing), &Options::default()).expect("the options are right");
        app.press(Action::Last);
        app.draw(&mut terminal).expect("a buffer cannot fail");
        let mut up = false;
        let mut step = |app: &mut App, terminal: &mut Terminal<TestBackend>| {
            up = !up;
            app.press(if up { Action::Up } else { Action::Down });
            app.draw(terminal).expect("a buffer cannot fail");
        };
        c.bench_function(&format!("key to redraw at the end, {width}x{height}"), |b| {
            b.iter(|| step(&mut app, &mut terminal));
        });
        app.press(Action::Filter);
        app.enter_text("len > 90 and from == server");
        app.settle();
        app.draw(&mut terminal).expect("a buffer cannot fail");
        c.bench_function(&format!("key to redraw with a filter typed, {width}x{height}"), |b| {
            b.iter(|| step(&mut app, &mut terminal));
        });
        app.press(Action::Lanes);
        c.bench_function(&format!("key to redraw of lanes, {width}x{height}"), |b| {
            b.iter(|| step(&mut app, &mut terminal));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = redraw
}
criterion_main!(benches);
