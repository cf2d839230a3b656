//! Damages captures and checks that wirefin copes with them:
//! `cargo run --release --example mutate -- [--runs N] [--seed N] [FILE …]`
//!
//! Each run takes one of the files, by default of those under `captures/`, changes some of its bytes, and exports and
//! prints it. Forbidden results are a panic, a run of more than ten seconds, a line that is not JSON, and a control
//! character in the printed output. A capture that causes one of them is kept under `target/mutate/`, and the exit code
//! is 1.

use std::fmt::Write as _;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use wirefin::capture::{Files, KeyLogs, Source};
use wirefin::export::{AnyFormat, Format, Formatted, Print, Settings};
use wirefin::pipeline::{Options, run};
use wirefin::session::Keys;
use wirefin::view::{self, Printer};

/// The maximum duration of a run: far more than any needs.
const HANG: Duration = Duration::from_secs(10);

/// Larger captures are skipped, to allow for many runs.
const LARGEST: u64 = 2 << 20;

/// A random number generator with a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 to `sides` - 1.
    fn below(&mut self, sides: usize) -> usize {
        usize::try_from(self.throw() % u64::try_from(sides.max(1)).unwrap()).unwrap()
    }

    /// Returns a random part of `length` bytes; short ones are more frequent.
    fn piece(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        let most = (length - start).min(1 << self.below(13));
        start..start + self.below(most + 1)
    }
}

/// Changes a capture in one to eight ways.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    const TELLING: [u8; 8] = [0, 1, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff];
    // Half of the time, all bytes keep their positions, so that the records of the file can still be found.
    let moving = dice.below(2);
    for _ in 0..=dice.below(8) {
        let at = dice.below(bytes.len());
        let piece = dice.piece(bytes.len());
        match if moving == 1 { dice.below(9) } else { 4 + dice.below(5) } {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(piece)),
            2 => {
                let again = bytes[piece].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let foreign = other[dice.piece(other.len())].to_vec();
                bytes.splice(at..at, foreign);
            }
            4 => bytes[piece].fill_with(|| u8::try_from(dice.below(256)).unwrap()),
            5 => bytes[piece].reverse(),
            6 => {
                for byte in bytes.iter_mut().skip(at).take(4) {
                    *byte = TELLING[dice.below(TELLING.len())];
                }
            }
            _ => {
                for _ in 0..=dice.below(16) {
                    let bit = dice.below(bytes.len() * 8);
                    if let Some(byte) = bytes.get_mut(bit / 8) {
                        *byte ^= 1 << (bit % 8);
                    }
                }
            }
        }
    }
}

/// Opens a capture with the key log beside it, if any.
fn open(bytes: Vec<u8>, path: &Path) -> (Box<dyn Source + Send>, Options) {
    let files = Box::new(Files::from_reader("mutated", Box::new(Cursor::new(bytes))));
    let options = Options { threads: NonZeroUsize::MIN, ..Options::default() };
    let keylog = path.with_extension("keylog");
    match KeyLogs::open(&[keylog], false) {
        Ok(keys) if path.with_extension("keylog").is_file() => {
            (Box::new(keys.watch(files)), Options { keys: Keys::default().given().complete(), ..options })
        }
        _ => (files, options),
    }
}

/// Writes a capture in a format; that it cannot be read to its end is normal here.
fn written(bytes: Vec<u8>, path: &Path, format: impl Format) -> Vec<u8> {
    let (mut source, options) = open(bytes, path);
    let mut output = Formatted::new(format, Vec::new(), None);
    let _ = run(&mut *source, &options, &mut output);
    output.finish().unwrap_or_default()
}

/// Exports and prints a capture; counts the lines, and returns what is wrong with the output.
fn fault(bytes: &[u8], path: &Path, lines: &mut usize) -> Option<String> {
    let format = AnyFormat::new("ndjson", &Settings { frames: true, ..Settings::default() })?;
    let exported = written(bytes.to_vec(), path, format);
    let Ok(exported) = String::from_utf8(exported) else { return Some("an export that is no UTF-8".into()) };
    for line in exported.split_terminator('\n') {
        *lines += 1;
        let parsed = serde_json::from_str::<serde_json::Value>(line);
        if parsed.map_or(true, |value| value["type"].as_str().is_none()) {
            return Some(format!("a line that is no JSON record: {line:?}"));
        }
    }
    let settings = view::Settings {
        colour: false,
        verbose: true,
        hex: true,
        width: view::DEFAULT_WIDTH,
        clock: view::Clock::default(),
        pretty: false,
        dated: false,
    };
    let printed = written(bytes.to_vec(), path, Print(Printer::new(settings)));
    let Ok(printed) = String::from_utf8(printed) else { return Some("printed what is no UTF-8".into()) };
    [exported, printed]
        .iter()
        .flat_map(|text| text.chars())
        .find(|c| c.is_control() && *c != '\n')
        .map(|c| format!("a control character: {c:?}"))
}

/// Lists the captures below a folder.
fn captures(folder: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        if path.is_dir() {
            captures(&path, into)?;
        } else if ["pcap", "pcapng"].contains(&kind) && path.metadata()?.len() <= LARGEST {
            into.push(path);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut runs, mut seed, mut files) = (1000_u64, 1_u64, Vec::new());
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => runs = arguments.next().ok_or("--runs wants a number")?.parse()?,
            "--seed" => seed = arguments.next().ok_or("--seed wants a number")?.parse()?,
            _ => files.push(PathBuf::from(argument)),
        }
    }
    if files.is_empty() {
        captures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("captures"), &mut files)?;
        files.sort();
    }
    let read: Vec<_> = files.iter().map(fs::read).collect::<Result<_, _>>()?;
    let mut faults = String::new();
    let (begin, mut slowest, mut lines) = (Instant::now(), Duration::ZERO, 0);
    for n in seed..seed + runs {
        let mut dice = Dice(n);
        let (which, other) = (dice.below(files.len()), dice.below(files.len()));
        let mut bytes = read[which].clone();
        mutate(&mut bytes, &read[other], &mut dice);
        let start = Instant::now();
        let found = catch_unwind(AssertUnwindSafe(|| fault(&bytes, &files[which], &mut lines)));
        let found = found.unwrap_or_else(|_| Some("a panic".into()));
        slowest = slowest.max(start.elapsed());
        if let Some(what) = found.or_else(|| (start.elapsed() > HANG).then(|| "a hang".into())) {
            let kept = Path::new("target/mutate");
            fs::create_dir_all(kept)?;
            fs::write(kept.join(format!("{n}.pcap")), &bytes)?;
            writeln!(faults, "run {n}, of {}: {what}", files[which].display())?;
        }
    }
    println!(
        "{runs} runs over {} captures in {:.0?}, the slowest {slowest:.1?}; {lines} lines, {} faults",
        files.len(),
        begin.elapsed(),
        faults.lines().count(),
    );
    print!("{faults}");
    std::process::exit(i32::from(!faults.is_empty()));
}
