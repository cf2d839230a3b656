//! Adds up the bytes of some messages: `cargo run --example filter -- 'opcode == text and len > 100' FILE...`

use wirefin::event::Kind;
use wirefin::{Analysis, Control};

fn main() -> Result<(), wirefin::analysis::Error> {
    let mut arguments = std::env::args_os().skip(1);
    let filter = arguments.next().unwrap_or_default();
    let files = arguments.map(std::path::PathBuf::from);
    let (mut messages, mut bytes) = (0_u64, 0_u64);
    Analysis::files(files)?.filter(&filter.to_string_lossy())?.run(|event| {
        if let Kind::Message(message) = &event.kind {
            messages += 1;
            bytes += message.length;
        }
        Ok(Control::Continue)
    })?;
    println!("{messages} messages, {bytes} bytes");
    Ok(())
}
