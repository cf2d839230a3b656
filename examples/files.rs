//! Prints the events in capture files: `cargo run --example files -- FILE...`

use wirefin::{Analysis, Control};

fn main() -> Result<(), wirefin::analysis::Error> {
    Analysis::files(std::env::args_os().skip(1).map(std::path::PathBuf::from))?.run(|event| {
        println!("{event}");
        Ok(Control::Continue)
    })
}
