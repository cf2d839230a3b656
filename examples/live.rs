//! Prints the events on an interface for ten seconds: `cargo run --example live -- lo`

use std::time::Duration;

use wirefin::capture::{Live, Settings, StopCondition};
use wirefin::{Analysis, Control};

fn main() -> Result<(), wirefin::analysis::Error> {
    let settings = Settings { interfaces: std::env::args().skip(1).collect(), ..Settings::default() };
    let until = StopCondition { duration: Some(Duration::from_secs(10)), ..StopCondition::default() };
    Analysis::of(Live::open(&settings, until)?).run(|event| {
        println!("{event}");
        Ok(Control::Continue)
    })
}
